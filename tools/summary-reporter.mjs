// Counts tests by outcome; suites are not tests.
// biome-ignore lint/style/noDefaultExport: the test runner takes a reporter from the default export
export default async function* summary(source) {
  const counts = { passed: 0, failed: 0, skipped: 0 }
  for await (const event of source) {
    if (
      (event.type !== 'test:pass' && event.type !== 'test:fail') ||
      event.data.details?.type === 'suite'
    )
      continue
    if (event.data.skip !== undefined) counts.skipped += 1
    else if (event.type === 'test:pass') counts.passed += 1
    else counts.failed += 1
  }
  yield JSON.stringify(counts)
}
