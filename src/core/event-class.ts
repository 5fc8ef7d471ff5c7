/** The event ids that summaries look at, as small numbers. */
export const EVENT_CLASS = {
  other: 0,
  connect: 1,
  closed: 2,
  commandInput: 3,
  commandFailed: 4,
  loginFailed: 5,
  loginSuccess: 6,
  download: 7,
  upload: 8,
  clientVersion: 9,
  clientKex: 10,
  downloadFailed: 11,
} as const

const BY_EVENTID: ReadonlyMap<string, number> = new Map([
  ['cowrie.session.connect', EVENT_CLASS.connect],
  ['cowrie.session.closed', EVENT_CLASS.closed],
  ['cowrie.command.input', EVENT_CLASS.commandInput],
  ['cowrie.command.failed', EVENT_CLASS.commandFailed],
  ['cowrie.login.failed', EVENT_CLASS.loginFailed],
  ['cowrie.login.success', EVENT_CLASS.loginSuccess],
  ['cowrie.session.file_download', EVENT_CLASS.download],
  ['cowrie.session.file_upload', EVENT_CLASS.upload],
  ['cowrie.client.version', EVENT_CLASS.clientVersion],
  ['cowrie.client.kex', EVENT_CLASS.clientKex],
  ['cowrie.session.file_download.failed', EVENT_CLASS.downloadFailed],
])

/** The class of an event id; `other` for those that count only as events. */
export function eventClassOf(eventid: string): number {
  return BY_EVENTID.get(eventid) ?? EVENT_CLASS.other
}
