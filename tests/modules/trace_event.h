/* SPDX-License-Identifier: GPL-2.0-only */
#undef TRACE_SYSTEM
#define TRACE_SYSTEM koi_test
#if !defined(KOI_TEST_TRACE_EVENT_H) || defined(TRACE_HEADER_MULTI_READ)
#define KOI_TEST_TRACE_EVENT_H
#include <linux/tracepoint.h>

TRACE_EVENT(koi_step,
	TP_PROTO(int step, int of),
	TP_ARGS(step, of),
	TP_STRUCT__entry(__field(int, step) __field(int, of)),
	TP_fast_assign(__entry->step = step; __entry->of = of;),
	TP_printk("%d of %d", __entry->step, __entry->of));
#endif

#undef TRACE_INCLUDE_PATH
#define TRACE_INCLUDE_PATH .
#undef TRACE_INCLUDE_FILE
#define TRACE_INCLUDE_FILE trace_event
#include <trace/define_trace.h>
