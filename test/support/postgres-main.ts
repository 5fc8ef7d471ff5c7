/** The server of a test run: prints `{"url": "..."}`, or `{"error": "..."}`, and lives until its input ends. */
import { TestServer } from './postgres-server.ts'

const over = new Promise<void>((resolve) => {
  process.stdin
    .once('close', resolve)
    .once('error', () => resolve())
    .resume()
})
// Ctrl-C reaches this process too; the runner that it ends closes the input.
process.on('SIGINT', () => {})

try {
  await using server = await TestServer.start()
  console.log(JSON.stringify({ url: server.url() }))
  await over
} catch (error) {
  console.log(JSON.stringify({ error: error instanceof Error ? error.message : String(error) }))
  process.exitCode = 1
}
process.stdin.destroy()
