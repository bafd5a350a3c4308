// SPDX-License-Identifier: GPL-2.0-only
/* What TRACE_EVENT() in a module refers to. There is no tracefs, so nobody can switch an event on: the module loads, its tracepoints are off, and
 * none of these is called.
 */
#define KOI_TRACE(name)                                            \
	void name(void);                                           \
	void name(void)                                            \
	{                                                          \
		koi_unsupported("trace events: " #name "()");      \
	}

KOI_TRACE(__trace_trigger_soft_disabled)
KOI_TRACE(bpf_trace_run1)
KOI_TRACE(bpf_trace_run2)
KOI_TRACE(bpf_trace_run3)
KOI_TRACE(bpf_trace_run4)
KOI_TRACE(bpf_trace_run5)
KOI_TRACE(bpf_trace_run6)
KOI_TRACE(bpf_trace_run7)
KOI_TRACE(bpf_trace_run8)
KOI_TRACE(bpf_trace_run9)
KOI_TRACE(bpf_trace_run10)
KOI_TRACE(bpf_trace_run11)
KOI_TRACE(bpf_trace_run12)
KOI_TRACE(perf_trace_buf_alloc)
KOI_TRACE(perf_trace_run_bpf_submit)
KOI_TRACE(trace_event_buffer_commit)
KOI_TRACE(trace_event_buffer_reserve)
KOI_TRACE(trace_event_ignore_this_pid)
KOI_TRACE(trace_event_printf)
KOI_TRACE(trace_event_raw_init)
KOI_TRACE(trace_event_reg)
KOI_TRACE(trace_handle_return)
KOI_TRACE(trace_print_array_seq)
KOI_TRACE(trace_print_bitmask_seq)
KOI_TRACE(trace_print_flags_seq)
KOI_TRACE(trace_print_hex_dump_seq)
KOI_TRACE(trace_print_hex_seq)
KOI_TRACE(trace_print_symbols_seq)
KOI_TRACE(trace_raw_output_prep)
