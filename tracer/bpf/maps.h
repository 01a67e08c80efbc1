/* SPDX-License-Identifier: GPL-2.0-only OR MIT */
/* What the recorder tells the programs, and the maps in which they keep what they see. ../src/ebpf/layout.rs mirrors the
 * structures. */
#pragma once

#include "kernel.h"

enum phase { PHASE_EXEC, PHASE_RUN, PHASE_SERVING, PHASES };
/* Numbers below this have a counter of their own; every table ends well below it. Powers of two, as masks need. */
enum { NUMBERS = 512 };
/* Argument words that are kept, over all calls of both ABIs. */
enum { KEPT_ARGUMENTS = 1024 };
/* Values of 64 and above that are kept of one argument; with more it is unbounded. */
enum { LARGE_VALUES = 256 };

/* Bytes of an executable's name that are kept, and how many names. */
enum { NAME = 256, NAMES = 1024 };

/* Which arguments of one call are kept: bit N of `kept` for argument N, with the same bit of `narrow` when only the low
 * 32 bits count. They have consecutive places from `first` on. Written by the recorder before the object is loaded. */
enum { LISTENS = 1 << 6, WAITS = 1 << 7 };
struct argument_rule {
	/* Also LISTENS: makes a socket that waits for connections; WAITS: may wait for one. */
	u8 kept;
	u8 narrow;
	u16 first;
};
const volatile struct argument_rule argument_rules[2 * NUMBERS] = {};
/* For tests: behave as if the kernel refused every new task its storage. */
const volatile u8 refuse_task_storage = 0;

/* Whose calls are counted, apart from those of the tasks that the recorder has marked, and from when on. The verifier
 * takes out what a scope doesn't ask for. */
struct scope {
	/* Tasks in this cgroup (its id in the cgroup2 hierarchy) and below; 0 for none. */
	u64 cgroup;
	/* CLOCK_MONOTONIC in nanoseconds, before the first program was attached. */
	u64 attached_at;
	/* How many ancestors the cgroup has. */
	u32 cgroup_level;
	/* Threads of marked processes, when these ran before the recording. */
	u32 threads;
	/* Only calls of tasks under more than `filters` filters are counted. */
	u32 since_filter;
	u32 filters;
};
const volatile struct scope scope = {};

/* When the scope began to serve, by CLOCK_MONOTONIC in nanoseconds; 0 before. The recorder may set it, so it is apart from
 * `totals`. */
u64 serving_since SEC(".data") = 0;

/* Where a task is: nothing is known of it; in user space; in a call that passed its filters; killed by one. */
enum place { PLACE_UNKNOWN, PLACE_USER, PLACE_CALL, PLACE_KILLED };
enum flags {
	/* Its end is counted, as its start was. */
	COUNTED = 1,
	/* It or an ancestor has called listen. */
	LISTENED = 2,
};

/* A task in scope. */
struct mark {
	u32 phase;
	u32 place;
	u32 flags;
	/* What it runs: a value of `executables`; RAN | process: what that process ran when it was marked; 0: not known. */
	u32 executable;
};
#define RAN (1U << 31)

/* Who made a call first. */
struct first {
	/* CLOCK_MONOTONIC in nanoseconds; 0: nobody has. Whoever sets it writes the rest. */
	u64 time;
	u32 process;
	u32 task;
	u32 executable;
	u32 padding;
	char thread[16];
};

/* One CPU's counts of one phase: 64-bit numbers first, then 32-bit ones. */
struct counters {
	u64 calls[2 * NUMBERS];
	/* Every call, whatever its number: must equal the sum of all counts. */
	u64 all;
};

struct other_number {
	u32 phase;
	u32 compat;
	u32 number;
};

struct other_calls {
	u64 calls;
	struct first first;
};

enum verdict { ANSWERED = 0, TRAPPED = -1, KILLED = -2 };
struct denied {
	u32 phase;
	u32 compat;
	u32 number;
	/* An error number, or a `enum verdict`. */
	s32 verdict;
};

struct executable_name {
	char name[NAME];
};

/* By place. The values of 64 and above are in `large_values`. */
struct arguments {
	/* Bit N: value N was seen. */
	u64 small[KEPT_ARGUMENTS];
	/* The large value that was stored last; 0 before the first. Saves the look-up when values repeat. */
	u64 last[KEPT_ARGUMENTS];
	u32 larges[KEPT_ARGUMENTS];
	u32 unbounded[KEPT_ARGUMENTS];
};

struct large_value {
	u32 phase;
	u32 place;
	u64 value;
};

struct totals {
	/* Lost: tasks that could not be marked, so none of their calls is here. */
	u64 lost_tasks;
	/* Lost: calls whose number has no counter of its own and found no room. */
	u64 lost_other_numbers;
	/* Lost: calls that found no counter block; the phases would have to be wrong. */
	u64 lost_blocks;
	/* New tasks in scope, and those of them that started a process. */
	u64 forked_tasks;
	u64 forked_processes;
	/* Ended tasks in scope, and processes of which the last task ended. */
	u64 ended_tasks;
	u64 ended_processes;
	/* Tasks in `stragglers`. */
	u64 stragglers;
	/* Calls counted by on_vsyscall, which `counters.all` leaves out. */
	u64 vsyscalls;
	/* Lost: tasks in the scope's cgroup, and threads of marked processes, that could not be marked. */
	u64 lost_members;
	/* Lost: refused calls that found no room. */
	u64 lost_denied;
	/* Names in `executables`. */
	u64 executables;
};
struct totals totals;
#define ADD(counter, n) __sync_fetch_and_add(&totals.counter, n)

struct {
	map_number(type, BPF_MAP_TYPE_TASK_STORAGE);
	map_number(map_flags, BPF_F_NO_PREALLOC);
	map_type(key, int);
	map_type(value, struct mark);
} marks SEC(".maps");

/* Marks of tasks whose storage was refused, by the task's address. Storage is refused for a moment when another task
 * that freed its own was preempted in doing so on this CPU (kernel/bpf/bpf_task_storage.c, bpf_task_storage_busy). */
struct {
	map_number(type, BPF_MAP_TYPE_HASH);
	map_number(max_entries, 1024);
	map_type(key, u64);
	map_type(value, struct mark);
} stragglers SEC(".maps");

struct {
	map_number(type, BPF_MAP_TYPE_PERCPU_ARRAY);
	map_number(max_entries, PHASES);
	map_type(key, u32);
	map_type(value, struct counters);
} counters SEC(".maps");

struct {
	map_number(type, BPF_MAP_TYPE_HASH);
	map_number(max_entries, 1024);
	map_type(key, struct other_number);
	map_type(value, struct other_calls);
} other_numbers SEC(".maps");

/* Calls that a filter answered. */
struct {
	map_number(type, BPF_MAP_TYPE_HASH);
	map_number(max_entries, 2048);
	map_type(key, struct denied);
	map_type(value, struct other_calls);
} denied SEC(".maps");

/* By phase, and in it as `counters.calls`. */
struct {
	map_number(type, BPF_MAP_TYPE_ARRAY);
	map_number(max_entries, PHASES * 2 * NUMBERS);
	map_type(key, u32);
	map_type(value, struct first);
} firsts SEC(".maps");

/* What was executed, as execve was given it; numbered from 1. */
struct {
	map_number(type, BPF_MAP_TYPE_HASH);
	map_number(map_flags, BPF_F_NO_PREALLOC);
	map_number(max_entries, NAMES);
	map_type(key, struct executable_name);
	map_type(value, u32);
} executables SEC(".maps");

/* Room for one name, which the stack hasn't. */
struct {
	map_number(type, BPF_MAP_TYPE_PERCPU_ARRAY);
	map_number(max_entries, 1);
	map_type(key, u32);
	map_type(value, struct executable_name);
} name_in_hand SEC(".maps");

/* A value that is copied into a map by a new key: too large for the stack of a program that is inlined whole. */
static const struct other_calls none_yet = {};

struct {
	map_number(type, BPF_MAP_TYPE_ARRAY);
	map_number(max_entries, PHASES);
	map_type(key, u32);
	map_type(value, struct arguments);
} arguments SEC(".maps");

struct {
	map_number(type, BPF_MAP_TYPE_HASH);
	map_number(max_entries, 8192);
	map_type(key, struct large_value);
	map_type(value, u8);
} large_values SEC(".maps");
