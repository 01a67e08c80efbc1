/* SPDX-License-Identifier: GPL-2.0-only OR MIT */
/* Counts every system call of the tasks in scope, in maps.
 *
 * Nothing is streamed, so nothing can be dropped. What can still fail (a full map, a refused allocation) adds to a
 * counter in `totals`, and the recorder marks the recording incomplete when one of them isn't zero.
 *
 * Scope follows the task: a mark in task storage, copied to each new task by its parent. The first marks are set by the
 * recorder (on the stopped child before its execve, on a process that runs already), or here, on a task that makes a call
 * in the scope's cgroup or below. No name and no namespace is looked at.
 *
 * Why a plain `++` on a per-CPU counter is exact. Two updates of one CPU's block could only collide if the program ran
 * again on that CPU while it runs. (a) Interrupts make no system call. (b) The kernel runs the program with preemption
 * disabled: until 6.12 in the tracepoint itself (include/linux/tracepoint.h, __DO_TRACE), since then, when system call
 * tracepoints may fault, in the probe (include/trace/bpf_probe.h, DECLARE_EVENT_SYSCALL_CLASS). (c) Where a kernel were
 * to disable only migration, its per-program guard (kernel/trace/bpf_trace.c, __bpf_trace_run) would skip the nested
 * run and count it as a recursion miss; the recorder reads that count. And only on_sys_enter writes these blocks.
 */
#include "marks.h"
#include "rows.h"

/* bpf_get_current_task_btf is for programs whose licence is compatible with the GPL (kernel/trace/bpf_trace.c). */
char LICENSE[] SEC("license") = "Dual MIT/GPL";

/* execve and execveat. */
INLINE int is_execve(u32 compat, u32 number)
{
	return compat ? number == 11 || number == 358 : number == 59 || number == 322;
}

SEC("tp_btf/sys_enter")
int on_sys_enter(u64 *context)
{
	struct pt_regs *registers = (void *)context[0];
	u32 number = context[1];
	struct task_struct *task = bpf_get_current_task_btf();
	struct mark *mark = mark_of_current(task);

	if (!mark)
		return 0;
	mark->place = PLACE_CALL;
	u32 compat = task->thread_info.status & TS_COMPAT ? 1 : 0;
	/* Without a filter nothing tells a container's runtime from its program but the execve between them. */
	if (scope.cgroup && !scope.since_filter && mark->phase == PHASE_EXEC && !is_execve(compat, number))
		return 0;
	u32 index = compat * NUMBERS + (number & (NUMBERS - 1));
	u32 kept = number < NUMBERS ? argument_rules[index].kept : 0;

	if (kept & LISTENS)
		mark->flags |= LISTENED;
	else if (kept & WAITS && mark->flags & LISTENED && mark->phase == PHASE_RUN && !serving_since)
		__sync_val_compare_and_swap(&serving_since, 0, bpf_ktime_get_ns());
	u32 phase = phase_of(mark);
	struct counters *block = bpf_map_lookup_elem(&counters, &phase);

	if (!block) {
		ADD(lost_blocks, 1);
		return 0;
	}
	block->all++;
	if (number >= NUMBERS) {
		count_other(task, mark, compat, number);
		return 0;
	}
	if (!block->calls[index]++) {
		u32 place = phase * 2 * NUMBERS + index;
		struct first *first = bpf_map_lookup_elem(&firsts, &place);

		if (first)
			remember(first, task, mark);
	}
	kept &= LISTENS - 1;
	if (!kept)
		return 0;
	u32 narrow = argument_rules[index].narrow, place = argument_rules[index].first;
	struct arguments *seen = bpf_map_lookup_elem(&arguments, &phase);

	if (!seen)
		return 0;
#pragma clang loop unroll(full)
	for (int i = 0; i < 6; i++) {
		if (kept & (1u << i)) {
			u64 value = argument(registers, compat, i);

			keep(seen, phase, place, narrow & (1u << i) ? (u32)value : value);
			place++;
		}
	}
	return 0;
}

/* A call that a filter answers never gets to sys_enter, and does get to sys_exit (kernel/entry/common.c, syscall_trace_enter
 * and syscall_exit_work). A task of which nothing was seen before its exit was in a call when it was marked, or is new. */
SEC("tp_btf/sys_exit")
int on_sys_exit(u64 *context)
{
	struct pt_regs *registers = (void *)context[0];
	long result = context[1];
	struct task_struct *task = bpf_get_current_task_btf();

	/* Nobody refuses it anything. The exit of the call that loads its first filter is the first that counts. */
	if (!task->seccomp.mode)
		return 0;
	struct mark *mark = mark_of_current(task);

	if (!mark)
		return 0;
	u32 before = mark->place;

	mark->place = PLACE_USER;
	if (before != PLACE_USER)
		return 0;
	u32 number = registers->orig_ax;

	/* A tracer has skipped it. */
	if (number == (u32)-1)
		return 0;
	s32 verdict = ANSWERED;

	if (task->seccomp.mode == SECCOMP_MODE_DEAD) {
		verdict = KILLED;
		mark->place = PLACE_KILLED;
	} else if (task->pending.signal.sig[0] & SIGSYS_BIT) {
		verdict = TRAPPED;
	} else if (result < 0 && result >= -4095) {
		verdict = -result;
	}
	count_denied(task, mark, number, verdict);
	return 0;
}

/* A thread that a filter kills alone ends where it is, without sys_exit (kernel/seccomp.c, __seccomp_filter). Attached
 * before on_exit, which drops marks. */
SEC("tp_btf/sched_process_exit")
int on_death(u64 *context)
{
	struct task_struct *task = (void *)context[0];

	if (task->seccomp.mode != SECCOMP_MODE_DEAD || !counts(task))
		return 0;
	struct mark *mark = mark_of(task);

	if (!mark || mark->place != PLACE_USER)
		return 0;
	struct pt_regs *registers = bpf_task_pt_regs(task);

	mark->place = PLACE_KILLED;
	count_denied(task, mark, registers->orig_ax, KILLED);
	return 0;
}

/* Legacy calls through the vsyscall page: a filter sees them, sys_enter doesn't (arch/x86/entry/vsyscall/vsyscall_64.c,
 * emulate_vsyscall; the numbers are those of gettimeofday, time and getcpu). */
SEC("tp_btf/emulate_vsyscall")
int on_vsyscall(u64 *context)
{
	struct task_struct *task = bpf_get_current_task_btf();
	struct mark *mark = mark_of_current(task);

	if (!mark)
		return 0;
	u32 number;

	switch ((s32)context[0]) {
	case 0: number = 96; break;
	case 1: number = 201; break;
	case 2: number = 309; break;
	default: return 0;
	}
	ADD(vsyscalls, 1);
	count_other(task, mark, 0, number);
	return 0;
}

/* The parent, current, is about to wake its new task for the first time (kernel/fork.c, kernel_clone). */
SEC("tp_btf/sched_process_fork")
int on_fork(u64 *context)
{
	struct task_struct *parent = (void *)context[0], *child = (void *)context[1];
	struct mark *own = mark_of(parent);

	/* A parent that was in this very call when the recording began has no mark yet. */
	if (!own && counts(parent) && may_belong())
		own = adopt(parent);
	if (!own)
		return 0;
	ADD(forked_tasks, 1);
	if (child->pid == child->tgid)
		ADD(forked_processes, 1);
	struct mark mark = { own->phase, PLACE_UNKNOWN, COUNTED | (own->flags & LISTENED), own->executable };

	if (!set_mark(child, &mark))
		ADD(lost_tasks, 1);
	return 0;
}

/* An execve has succeeded. The one that starts the command, or under a container's filter its program, ends a phase. */
SEC("tp_btf/sched_process_exec")
int on_exec(u64 *context)
{
	struct task_struct *task = (void *)context[0];
	struct linux_binprm *program = (void *)context[2];
	struct mark *mark = mark_of(task);

	if (!mark)
		return 0;
	if (counts(task))
		mark->phase = PHASE_RUN;
	u32 zero = 0;
	struct executable_name *name = bpf_map_lookup_elem(&name_in_hand, &zero);

	mark->executable = 0;
	if (!name)
		return 0;
	__builtin_memset(name, 0, sizeof(*name));
	if (bpf_probe_read_kernel_str(name, sizeof(*name), program->filename) < 0)
		return 0;
	u32 *known = bpf_map_lookup_elem(&executables, name);

	if (!known) {
		u32 number = __sync_fetch_and_add(&totals.executables, 1) + 1;

		bpf_map_update_elem(&executables, name, &number, BPF_NOEXIST);
		known = bpf_map_lookup_elem(&executables, name);
	}
	if (known)
		mark->executable = *known;
	return 0;
}

SEC("tp_btf/sched_process_exit")
int on_exit(u64 *context)
{
	struct task_struct *task = (void *)context[0];
	struct mark *mark = mark_of(task);

	if (!mark)
		return 0;
	if (mark->flags & COUNTED) {
		ADD(ended_tasks, 1);
		/* kernel/exit.c, do_exit, has counted the task down already. Two last tasks that end at once may both see 0; only
		 * the number of processes still running depends on it. */
		if (task->signal->live.counter == 0)
			ADD(ended_processes, 1);
	}
	if (totals.stragglers) {
		u64 address = (u64)task;

		if (!bpf_map_delete_elem(&stragglers, &address))
			ADD(stragglers, -1);
	}
	return 0;
}
