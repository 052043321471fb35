import { readFileSync } from "node:fs";

/** What a whole process, all its threads, has used of the processor since it began; microseconds. */
export interface CpuTimes {
  readonly userUs: number;
  readonly systemUs: number;
}

/** Linux counts a process's time in ticks of USER_HZ, which is 100 on every platform that Node runs on. */
const tickUs = 10_000;

/**
 * Read a process's CPU time from `/proc/PID/stat`: fields 14 and 15, counted from behind the command name, which may
 * itself hold spaces and brackets. User and system time are each cut to 10 ms; the kernel scales their sum to what the
 * scheduler measured, so the sum over a window of seconds is exact to about 1 %.
 */
export function cpuTimesOf(pid: number): CpuTimes {
  return cpuTimesFromStat(readFileSync(`/proc/${pid}/stat`, "latin1"));
}

/**
 * The text of `/proc/PID/stat` as times; `userField` counts from 0 behind the command name, and system time follows.
 * @throws Error: the text has another shape.
 */
export function cpuTimesFromStat(stat: string, userField = 11): CpuTimes {
  const fields = stat.slice(stat.lastIndexOf(")") + 2).split(" ");
  const userTicks = Number(fields[userField]);
  const systemTicks = Number(fields[userField + 1]);
  if (!Number.isInteger(userTicks) || !Number.isInteger(systemTicks)) throw new Error(`not /proc/PID/stat: ${stat}`);
  return { userUs: userTicks * tickUs, systemUs: systemTicks * tickUs };
}

/**
 * What the children of a process have used that ended and were waited for, with their own such children: fields 16 and
 * 17. The difference around a child's life is what it used.
 */
export function endedChildrenCpuTimesOf(pid: number): CpuTimes {
  return cpuTimesFromStat(readFileSync(`/proc/${pid}/stat`, "latin1"), 13);
}

/** User and system time together. */
export function totalUs(times: CpuTimes): number {
  return times.userUs + times.systemUs;
}

/** What was used between two readings. */
export function cpuTimesBetween(before: CpuTimes, after: CpuTimes): CpuTimes {
  return { userUs: after.userUs - before.userUs, systemUs: after.systemUs - before.systemUs };
}

/** The memory of a process that is in RAM now, in bytes (`VmRSS` of `/proc/PID/status`). */
export function rssBytesOf(pid: number): number {
  const kibibytes = /^VmRSS:\s+(\d+) kB$/m.exec(readFileSync(`/proc/${pid}/status`, "latin1"))?.[1];
  if (kibibytes === undefined) throw new Error(`process ${pid} has no VmRSS; has it ended?`);
  return Number(kibibytes) * 1024;
}

/**
 * What all programs of the machine have used of all its cores since it began, in microseconds; also what a hypervisor
 * took away. Less what server and load used, it is the noise that a run was measured in.
 */
export function machineBusyUs(): number {
  return busyUsFromStat(readFileSync("/proc/stat", "latin1"));
}

/** The first line of `/proc/stat`: user, nice, system, idle, iowait, irq, softirq and steal, in ticks. */
export function busyUsFromStat(stat: string): number {
  const [user, nice, system, , , irq, softIrq, steal] = (/^cpu +(.*)$/m.exec(stat)?.[1] ?? "").split(" ").map(Number);
  return ((user ?? 0) + (nice ?? 0) + (system ?? 0) + (irq ?? 0) + (softIrq ?? 0) + (steal ?? 0)) * tickUs;
}
