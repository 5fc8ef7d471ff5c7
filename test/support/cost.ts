/** What work costs, in tests that hold a bound. */

/** CPU of this thread, milliseconds: others on the machine do not count, as they would by the wall clock. */
export function cpuMs(work: () => unknown): number {
  const before = process.threadCpuUsage()
  work()
  const { user, system } = process.threadCpuUsage(before)
  return (user + system) / 1_000
}
