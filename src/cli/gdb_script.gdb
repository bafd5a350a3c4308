# What `koi run --gdb` tells gdb before the first prompt. gdb reads it from the koi binary.

set breakpoint pending on
set print thread-events off
set debuginfod enabled off
python
import gdb
import gdb.unwinder
from gdb.FrameDecorator import FrameDecorator

UPCALL_GAP = 128     # host/crossing.S
BORDER_BASE = 0xffff0000
U64 = 1 << 64


def as_word(value):
    return gdb.Value(value).cast(gdb.lookup_type("unsigned long"))


class FrameId:
    def __init__(self, sp, pc):
        self.sp = as_word(sp)
        self.pc = as_word(pc)


def word(address):
    data = gdb.selected_inferior().read_memory(address % U64, 8)
    return int.from_bytes(bytes(data), "little")


class UpcallUnwinder(gdb.unwinder.Unwinder):
    """From the oldest frame of module code to the C++ that called it.

    Module functions return to a stub below 2 GiB. Their caller's frame lies on the task's other stack, where the GS area
    leads: the host stack pointers of the upcalls that are going on form a chain, youngest first, and so do the border
    records; the oldest upcall was made under the oldest record.
    """

    def __init__(self):
        super().__init__("koi-upcall")

    def __call__(self, pending):
        try:
            return self.unwind(pending)
        except (gdb.error, gdb.MemoryError, OverflowError):
            return None

    def unwind(self, pending):
        stub = int(gdb.parse_and_eval("*(unsigned long *)&koi_upcall_return_stub_address")) % U64
        if stub == 0 or int(pending.read_register("rip")) % U64 != stub:
            return None
        gs = int(pending.read_register("gs_base")) % U64
        border_of_upcall = int(pending.read_register("rsp")) % U64 + UPCALL_GAP
        host, borders = [], []
        at = word(gs + 8)
        while at and len(host) < 1000:
            host.append(at)
            at = word(at)
        at = word(gs + 16)
        while at and len(borders) < 1000:
            borders.append(at)
            if word(at + 8) & 0xffffffff == BORDER_BASE:
                break
            at = word(at)
        oldest_first = borders[::-1].index(border_of_upcall)
        info = pending.create_unwind_info(FrameId(border_of_upcall - UPCALL_GAP, stub))
        back = int(gdb.parse_and_eval("(unsigned long)&koi_upcall_return"))
        for register, value in (("rip", back), ("rsp", host[::-1][oldest_first]), ("gs_base", gs)):
            info.add_saved_register(register, as_word(value))
        return info


class CrossingDecorator(FrameDecorator):
    """koi_upcall and koi_trap_entry are signal frames to gdb; people want to read their names."""

    def function(self):
        return self.inferior_frame().name()


class CrossingFilter:
    def __init__(self):
        self.name, self.priority, self.enabled = "koi-crossing", 100, True
        gdb.frame_filters[self.name] = self

    def filter(self, frames):
        for frame in frames:
            at = frame.inferior_frame()
            crossing = at.type() == gdb.SIGTRAMP_FRAME and (at.name() or "").startswith("koi_")
            yield CrossingDecorator(frame) if crossing else frame


CrossingFilter()
gdb.unwinder.register_unwinder(None, UpcallUnwinder(), True)
for command in (
    # The signals that koi works with: faults of the module, and its own timer. SIGTRAP stays gdb's own.
    "handle SIGSEGV SIGBUS SIGILL SIGFPE SIGSYS SIGVTALRM nostop noprint pass",
    # `step` does not follow a module into what stands for the kernel.
    "skip -rfu ^koi",
):
    gdb.execute(command, to_string=True)
end
