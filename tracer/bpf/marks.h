/* SPDX-License-Identifier: GPL-2.0-only OR MIT */
/* Whose calls count: the marks of tasks. */
#pragma once

#include "maps.h"

INLINE struct mark *mark_of(struct task_struct *task)
{
	struct mark *mark = bpf_task_storage_get(&marks, task, 0, 0);

	if (mark || !totals.stragglers)
		return mark;
	u64 address = (u64)task;
	return bpf_map_lookup_elem(&stragglers, &address);
}

/* Whether the task's calls count by now. */
INLINE int counts(struct task_struct *task)
{
	return !scope.since_filter || (u32)task->seccomp.filter_count.counter > scope.filters;
}

/* Gives a task its mark: in task storage, else among the stragglers. */
INLINE struct mark *set_mark(struct task_struct *task, const struct mark *value)
{
	struct mark *mark = 0;

	if (!refuse_task_storage)
		mark = bpf_task_storage_get(&marks, task, 0, BPF_LOCAL_STORAGE_GET_F_CREATE);
	if (mark) {
		*mark = *value;
		return mark;
	}
	u64 address = (u64)task;

	if (bpf_map_update_elem(&stragglers, &address, value, BPF_ANY))
		return 0;
	ADD(stragglers, 1);
	return bpf_map_lookup_elem(&stragglers, &address);
}

/* Whether the current task may be in scope, as far as its mark doesn't say. The cheap question comes before the mark: a task
 * of which nobody wants to know anything pays for one of the two. */
INLINE int may_belong(void)
{
	return !scope.cgroup || bpf_get_current_ancestor_cgroup_id(scope.cgroup_level) == scope.cgroup;
}

/* Marks the current task, which may belong and has no mark yet, if the scope says that it does. */
INLINE struct mark *adopt(struct task_struct *task)
{
	struct mark mark = { PHASE_RUN, PLACE_UNKNOWN, 0, 0 };

	if (scope.cgroup) {
		/* A task that was there is past its start; a new one came from outside, and its program is still to come. */
		if (task->start_time >= scope.attached_at)
			mark.phase = PHASE_EXEC;
		else
			mark.executable = RAN | task->tgid;
	} else if (scope.threads) {
		struct task_struct *leader = task->group_leader;

		if (leader == task || !leader)
			return 0;
		struct mark *leaders = bpf_task_storage_get(&marks, leader, 0, 0);

		if (!leaders)
			return 0;
		mark.flags = leaders->flags & LISTENED;
		mark.executable = leaders->executable;
	} else {
		return 0;
	}
	struct mark *own = set_mark(task, &mark);

	if (!own)
		ADD(lost_members, 1);
	return own;
}

/* The mark of the current task, if it is in scope and its calls count. */
INLINE struct mark *mark_of_current(struct task_struct *task)
{
	if (!counts(task) || !may_belong())
		return 0;
	struct mark *mark = mark_of(task);

	return mark ? mark : adopt(task);
}
