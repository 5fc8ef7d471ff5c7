/** What each figure of `truth.json` means; printed into the file itself. */
export const DEFINITIONS = {
  generator: 'the options the set was made with; the same options give the same bytes',
  event:
    'a line holding one JSON object with eventid and a readable timestamp; further copies of a line are not counted again',
  lines:
    'totals.lines = events + duplicates + malformed + invalid + blank; a torn last line without newline is one',
  duplicates:
    'byte-identical copies of an event line, later in the same file; they are the only lines out of the order of time',
  malformed:
    'extra lines that are not one JSON object by RFC 8259, by class; the events around them are whole. torn-last is the cut last line of a file',
  invalid:
    'extra lines that are one JSON object without an eventid that is a string, or without a readable timestamp, by class',
  blank: 'extra lines of nothing or of blanks, tabs and carriage returns',
  bad_utf8:
    'events whose message holds bytes that are not UTF-8; no other field does. They count as events',
  bytes: 'bytes of the log files before compression, newlines included',
  hostile:
    'attacker-written fields of events that carry a hostile value, by class; a value that Cowrie repeats in message counts once',
  session_key: 'a session is (sensor, session): an id may occur on two sensors',
  per_day: "UTC day of the event's own timestamp; a session may cross midnight",
  per_week_iso: 'ISO 8601 week in UTC',
  sessions_started: 'sessions whose first event lies in the span',
  unique_ips: 'distinct src_ip over all events of the span',
  login_attempts: 'login_success + login_failed',
  commands: 'cowrie.command.input; command_events counts cowrie.command.failed too',
  unique_files: 'distinct shasum of cowrie.session.file_download and cowrie.session.file_upload',
  top: 'the 20 most frequent, ordered by count descending, then by value ascending in UTF-8 bytes; events are counted, by their own time; passwords, usernames and credentials over log-in attempts, commands over cowrie.command.input, files as in unique_files, urls over file_download and file_download.failed, urls_downloaded over file_download alone',
  top_sessions:
    'ips, client_versions and hassh count sessions: overall once each, in a month each session with such an event in it (for ips: with any event)',
  values:
    'values are what the attacker sent, not how a version of Cowrie spells it: with escapes of 3.0.5 undone. A lone surrogate stands as \\udXXX',
  session_table:
    'truth_sessions.tsv.gz, tab separated, no header, one row a session in the order of its last event: session, sensor, src_ip, protocol, first_event, last_event, events, command_input, command_failed, login_success, login_failed, downloads, uploads, closed (0/1), duration_ms (what cowrie.session.closed says in whole milliseconds, empty without it)',
} as const
