/* SPDX-License-Identifier: GPL-2.0-only OR MIT */
/* Stacks on request: who was first to make a call hands over its registers and the top of its stack, which the recorder
 * unwinds. That is once a row, so the cost doesn't grow with the calls. */
#pragma once

#include "kernel.h"

/* Bytes of a stack that are kept, and are read at once: a read that meets the end of the stack gets nothing. */
#define STACK 16384
#define STACK_STEP 1024

/* Set by the loader when stacks are wanted. */
const volatile u32 keep_stacks = 0;

struct sample {
	/* `first.time` of the row. */
	u64 time;
	/* Tells one program of a process from the next: `mm->start_stack` is drawn by lot at each execve. */
	u64 start_stack;
	u64 ip;
	u64 sp;
	u64 bp;
	u32 process;
	u32 task;
	/* Of `stack`. */
	u64 bytes;
	u8 stack[STACK];
};

/* One page, and more when stacks are wanted. */
struct {
	map_number(type, BPF_MAP_TYPE_RINGBUF);
	map_number(max_entries, 4096);
} samples SEC(".maps");

/* A sample that finds no room is left out; the row is there all the same. Not inlined: it is called in several places. */
static __attribute__((noinline)) int sample_stack(struct task_struct *task, u64 time)
{
	struct pt_regs *registers = bpf_task_pt_regs(task);
	u64 sp = registers->sp;

	/* A program of 32 bits; its frames aren't described as those of 64 bits are. */
	if (!(sp >> 32))
		return 0;
	struct sample *sample = bpf_ringbuf_reserve(&samples, sizeof(*sample), 0);

	if (!sample)
		return 0;
	struct mm_struct *mm = task->mm;

	sample->time = time;
	sample->start_stack = mm ? mm->start_stack : 0;
	sample->ip = registers->ip;
	sample->sp = sp;
	sample->bp = registers->bp;
	sample->process = task->tgid;
	sample->task = task->pid;
	sample->bytes = 0;
	for (int at = 0; at < STACK; at += STACK_STEP) {
		if (bpf_probe_read_user(sample->stack + at, STACK_STEP, (void *)(sp + at)))
			break;
		sample->bytes = at + STACK_STEP;
	}
	bpf_ringbuf_submit(sample, 0);
	return 0;
}
