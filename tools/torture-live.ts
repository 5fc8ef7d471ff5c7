export async function tortureLive(_: {
  minutes: number
  seed: number
  engine: string
}): Promise<number> {
  return 0
}
