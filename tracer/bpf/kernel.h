/* SPDX-License-Identifier: GPL-2.0-only OR MIT */
/* What record.bpf.c needs of the kernel and of the loader: no vmlinux.h, no libbpf headers.
 *
 * Only the named fields of the kernel's structures count: their offsets are relocated against the running kernel's BTF
 * when the object is loaded (preserve_access_index), so the declarations may leave out everything else. */
#pragma once

typedef unsigned char u8;
typedef unsigned short u16;
typedef unsigned int u32;
typedef int s32;
typedef unsigned long long u64;

#define SEC(name) __attribute__((section(name), used))
#define INLINE static inline __attribute__((always_inline))
#define RELOCATED __attribute__((preserve_access_index))

/* BTF map definitions: the loader reads the types, nothing is ever stored in them. */
#define map_number(name, value) int (*name)[value]
#define map_type(name, type) typeof(type) *name

/* include/uapi/linux/bpf.h */
enum { BPF_MAP_TYPE_HASH = 1, BPF_MAP_TYPE_ARRAY = 2, BPF_MAP_TYPE_PERCPU_ARRAY = 6, BPF_MAP_TYPE_RINGBUF = 27,
       BPF_MAP_TYPE_TASK_STORAGE = 29 };
enum { BPF_ANY = 0, BPF_NOEXIST = 1, BPF_F_NO_PREALLOC = 1, BPF_LOCAL_STORAGE_GET_F_CREATE = 1 };
/* kernel/seccomp.c: of a task that a filter has killed and that hasn't ended yet (since 5.16). */
enum { SECCOMP_MODE_DEAD = 3 };
/* include/uapi/asm-generic/signal.h, as a bit of a set of pending signals */
#define SIGSYS_BIT (1ULL << 30)
/* include/uapi/asm-generic/errno-base.h */
enum { EEXIST = 17 };

/* arch/x86/include/asm/thread_info.h: the task entered the kernel by a 32-bit system call. */
enum { TS_COMPAT = 0x0002 };

struct thread_info {
	u32 status;
} RELOCATED;

typedef struct {
	s32 counter;
} RELOCATED atomic_t;

/* include/linux/seccomp_types.h (before 6.8 include/linux/seccomp.h) */
struct seccomp {
	s32 mode;
	atomic_t filter_count;
} RELOCATED;

typedef struct {
	unsigned long sig[1];
} RELOCATED sigset_t;

struct sigpending {
	sigset_t signal;
} RELOCATED;

/* include/linux/binfmts.h */
struct linux_binprm {
	const char *filename;
} RELOCATED;

struct signal_struct {
	atomic_t live;
} RELOCATED;

/* include/linux/mm_types.h */
struct mm_struct {
	unsigned long start_stack;
} RELOCATED;

struct task_struct {
	struct thread_info thread_info;
	s32 pid;
	s32 tgid;
	u64 start_time;
	struct task_struct *group_leader;
	struct signal_struct *signal;
	struct sigpending pending;
	struct seccomp seccomp;
	struct mm_struct *mm;
} RELOCATED;

/* arch/x86/include/asm/ptrace.h */
struct pt_regs {
	unsigned long bp, bx, r10, r9, r8, cx, dx, si, di, orig_ax, ip, sp;
} RELOCATED;

static void *(*bpf_map_lookup_elem)(void *map, const void *key) = (void *)1;
static long (*bpf_map_update_elem)(void *map, const void *key, const void *value, u64 flags) = (void *)2;
static long (*bpf_map_delete_elem)(void *map, const void *key) = (void *)3;
static u64 (*bpf_ktime_get_ns)(void) = (void *)5;
static long (*bpf_get_current_comm)(void *buffer, u32 size) = (void *)16;
static long (*bpf_probe_read_user)(void *to, u32 size, const void *from) = (void *)112;
static long (*bpf_probe_read_kernel_str)(void *to, u32 size, const void *from) = (void *)115;
static u64 (*bpf_get_current_ancestor_cgroup_id)(int level) = (void *)123;
static void *(*bpf_ringbuf_reserve)(void *map, u64 size, u64 flags) = (void *)131;
static void (*bpf_ringbuf_submit)(void *data, u64 flags) = (void *)132;
static void *(*bpf_task_storage_get)(void *map, struct task_struct *task, void *value, u64 flags) = (void *)156;
static struct task_struct *(*bpf_get_current_task_btf)(void) = (void *)158;
static struct pt_regs *(*bpf_task_pt_regs)(struct task_struct *task) = (void *)175;
