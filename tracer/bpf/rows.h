/* SPDX-License-Identifier: GPL-2.0-only OR MIT */
/* What is kept of a call: its count where it has no counter of its own, who was first, its arguments. */
#pragma once

#include "maps.h"
#include "stacks.h"

INLINE u32 phase_of(const struct mark *mark)
{
	return mark->phase == PHASE_RUN && serving_since ? PHASE_SERVING : mark->phase;
}

INLINE void remember(struct first *first, struct task_struct *task, const struct mark *mark)
{
	if (first->time)
		return;
	u64 now = bpf_ktime_get_ns();

	if (__sync_val_compare_and_swap(&first->time, 0, now))
		return;
	first->process = task->tgid;
	first->task = task->pid;
	first->executable = mark->executable;
	bpf_get_current_comm(first->thread, sizeof(first->thread));
	if (keep_stacks)
		sample_stack(task, now);
}

INLINE void count_other(struct task_struct *task, const struct mark *mark, u32 compat, u32 number)
{
	struct other_number key = { phase_of(mark), compat, number };
	struct other_calls *other = bpf_map_lookup_elem(&other_numbers, &key);

	if (!other) {
		/* Full, or another CPU was faster. */
		bpf_map_update_elem(&other_numbers, &key, &none_yet, BPF_NOEXIST);
		other = bpf_map_lookup_elem(&other_numbers, &key);
	}
	if (other) {
		__sync_fetch_and_add(&other->calls, 1);
		remember(&other->first, task, mark);
	} else {
		ADD(lost_other_numbers, 1);
	}
}

INLINE void count_denied(struct task_struct *task, const struct mark *mark, u32 number, s32 verdict)
{
	u32 compat = task->thread_info.status & TS_COMPAT ? 1 : 0;
	struct denied key = { phase_of(mark), compat, number, verdict };
	struct other_calls *denials = bpf_map_lookup_elem(&denied, &key);

	if (!denials) {
		bpf_map_update_elem(&denied, &key, &none_yet, BPF_NOEXIST);
		denials = bpf_map_lookup_elem(&denied, &key);
	}
	if (denials) {
		__sync_fetch_and_add(&denials->calls, 1);
		remember(&denials->first, task, mark);
	} else {
		ADD(lost_denied, 1);
	}
}

INLINE u64 argument(struct pt_regs *registers, u32 compat, int index)
{
	/* Documentation/arch/x86/entry_64.rst, arch/x86/include/asm/syscall.h (syscall_get_arguments) */
	if (compat) {
		switch (index) {
		case 0: return (u32)registers->bx;
		case 1: return (u32)registers->cx;
		case 2: return (u32)registers->dx;
		case 3: return (u32)registers->si;
		case 4: return (u32)registers->di;
		default: return (u32)registers->bp;
		}
	}
	switch (index) {
	case 0: return registers->di;
	case 1: return registers->si;
	case 2: return registers->dx;
	case 3: return registers->r10;
	case 4: return registers->r8;
	default: return registers->r9;
	}
}

INLINE void keep(struct arguments *seen, u32 phase, u32 place, u64 value)
{
	_Static_assert(KEPT_ARGUMENTS == 1024, "the mask below");
	/* A bound that the compiler can't turn into a sign test, which the verifier couldn't follow. */
	asm volatile("%0 &= 1023" : "+r"(place));
	if (value < 64) {
		u64 bit = 1ULL << value;

		if (!(seen->small[place] & bit))
			__sync_fetch_and_or(&seen->small[place], bit);
		return;
	}
	if (seen->last[place] == value || seen->unbounded[place])
		return;
	struct large_value key = { phase, place, value };
	u8 present = 1;

	if (!bpf_map_lookup_elem(&large_values, &key)) {
		if (seen->larges[place] >= LARGE_VALUES) {
			seen->unbounded[place] = 1;
			return;
		}
		long error = bpf_map_update_elem(&large_values, &key, &present, BPF_NOEXIST);

		if (!error) {
			__sync_fetch_and_add(&seen->larges[place], 1);
		} else if (error != -EEXIST) {
			seen->unbounded[place] = 1;
			return;
		}
	}
	seen->last[place] = value;
}
