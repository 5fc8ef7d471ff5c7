/** Every bound of the system: one place, with unit and reason. */
export const LIMITS = {
  /** Nesting of a record: an event of Cowrie has 3; parsers of other engines stop between 100 and 2,000. */
  depthMax: 64,
  /** Bytes of one record: the longest line of a Cowrie lab run was 140 KB; beyond this it is no event. */
  recordBytesMax: 8 * 1024 * 1024,
  /** Bytes of one sealed segment or block: large enough for zstd to work, small enough to open one line cheaply. */
  blockBytes: 65_536,
  /** Raw bytes after which a batch is closed. Two of them in flight keep a loader under 256 MiB. */
  batchBytesMax: 1024 * 1024,
  /** Records after which a batch is closed. */
  batchRecordsMax: 4_096,
  /** Batches of one reader on their way: one being read, the others sent and not yet written. */
  batchesInFlightMax: 3,
  /** Records in one transaction of a bulk load; a commit costs the same for one row as for many. */
  transactionRecordsMax: 24_576,
  /** Raw bytes in one transaction of a bulk load. */
  transactionBytesMax: 12 * 1024 * 1024,
  /** Milliseconds a bulk transaction may stay open before it commits and lets others write. */
  transactionMsMax: 2_000,
  /** Bytes read from a file at once. */
  readChunkBytes: 64 * 1024,
  /** Names that the braces of one pattern of paths may stand for; with more it is taken for a path as it stands. */
  patternNamesMax: 10_000,
  /** Bytes at the start of a source that propose its lineage. */
  lineageHeadBytes: 1_024,
  /** Sources with the same start that are looked at: logs that begin with a hole of zeros all have one start. */
  lineageCandidatesMax: 2_000,
  /** Of these, archives are compared with so many, the newest: each is unpacked for it. */
  lineageArchivesMax: 20,
  /** Bytes before the cursor that are compared before the cursor of a plain file is used. */
  lineageTailBytes: 4_096,
  /** Bytes at the end of a piece that must still be there when the next piece was read: no two records are alike so long. */
  lineageGuardBytes: 512,
  // Following.
  /** Raw bytes of one piece of a file that is followed: the least and the most. A small piece is soon seen, a large one is cheap. */
  followBatchBytesMin: 64 * 1024,
  followBatchBytesMax: 1024 * 1024,
  /** Milliseconds that one pass over the files may take before its pieces are made smaller. */
  passMsMax: 80,
  /** Milliseconds between two looks at the memory of the process. */
  memoryLookMs: 1_000,
  /** Milliseconds between two whole collections while it has too much. */
  memoryCollectMs: 30_000,
  /** Resident bytes of the process above which pieces are made smaller. */
  followRssBytes: 112 * 1024 * 1024,
  /** Milliseconds for which lines are gathered before a pass: a multiple of what the last one took, between two bounds. */
  gatherMsMin: 10,
  gatherMsMax: 65,
  gatherRatio: 12,
  /** Milliseconds that a follower rests at most: its status and its signs of life must not wait for a rare look. */
  sleepMsMax: 5_000,
  /** Milliseconds without growth after which an object without a line end is taken as whole. */
  unendedMs: 2_000,
  /** Milliseconds without a change after which an archive is taken as written, and a rotated file as done. */
  settleMs: 5_000,
  /** Milliseconds since a file was written after which it counts as quiet, without being watched. */
  quietMs: 60_000,
  /** Milliseconds for which a file whose names are gone is kept open after it last grew: its writer may still have it. */
  goneMs: 60_000,
  /** Milliseconds without growth after which a file is closed until it changes: two days, for those that get late lines. */
  openQuietMs: 48 * 3_600_000,
  /** Milliseconds between two looks at what a pattern matches, where no name came up that nobody knows. */
  patternLookMs: 10_000,
  /** Files kept open at most; the limit of a process is often 1,024. */
  followOpenMax: 256,
  /** Milliseconds after which a change of a file must show in its time: FAT counts in steps of two seconds. */
  fileTickMs: 2_500,
  /** Milliseconds for which files that were read to their end are gathered before one commit and their opening. */
  openDelayMs: 50,
  /** Folders that are followed; each takes one watch of the system. */
  followFoldersMax: 4_096,
  /** Old files looked at in each poll, in turn: 20 microseconds each, so that 10,000 of them cost as little as 100. */
  followRoundFiles: 32,
  /** Bytes up to which a file without events is looked at again each time it grows. */
  foreignLookBytes: 64 * 1024,
  /** Milliseconds until a file that another loader reads, or that was replaced, is tried again. */
  claimRetryMs: 50,
  /** Milliseconds until a file that could not be read is tried again without a change: doubling between two bounds. */
  failedRetryMsMin: 500,
  failedRetryMsMax: 60_000,
  /** Milliseconds since a file grew within which its newest line counts as just written. */
  freshMs: 1_000,
  /** Milliseconds until a store that is away or full is tried again: growing by chance between two bounds. */
  storeRetryMsMin: 500,
  storeRetryMsMax: 30_000,
  /** Milliseconds between two writings of the status files: while lines come, and while none do. */
  statusBusyMs: 2_000,
  statusIdleMs: 10_000,
  /** Milliseconds over which a rate is taken. */
  rateMs: 10_000,
  /** Milliseconds after which what a follower did is added to the figures of the store. */
  figuresMs: 60_000,
  /** Anomalies that alerts are looked for in, the newest. */
  alertAnomaliesMax: 100,
  /** Output of an archive is refused beyond both of these. */
  archiveRatioMax: 1_000,
  archiveBytesMax: 1024 * 1024 * 1024,
  /** NULs before an object that still count as padding of its line; a longer run is a region of its own. */
  nulPaddingMax: 65_536,
  /** Characters of a session id; Cowrie's have 12. */
  sessionCharsMax: 64,
  /** Unknown fields of one event that are counted as drift; Cowrie has none, a hand-made record may have any number. */
  driftFieldsMax: 32,
  /** Starts of an object that are tried in the rest of a torn line. */
  salvageTriesMax: 8,
  /** Entries of a reader's dictionary of values before it starts afresh. */
  readerDictionaryMax: 16_000,
  /** Session summaries the writer keeps at hand. */
  sessionCacheMax: 2_000,
  /** Bytes of a dead letter's own description. */
  detailCharsMax: 200,
  /** Years an instant may lie in to be taken without a flag start here. */
  oddTimeBeforeUs: Date.UTC(2010, 0, 1) * 1000,
  /** How far ahead of the clock an instant may lie without a flag. */
  oddTimeAheadUs: 48 * 3_600 * 1_000_000,
  /** Milliseconds a writer waits for its turn before it says that the store is busy. */
  writerWaitMs: 60_000,
  /** Milliseconds that a process without network has to end at a row after it was asked to. */
  isolatedStopMs: 10_000,
  /** Rows of an export read at once: a page of long payloads stays under some MiB. */
  exportPageRows: 1_000,
  /** Connections of one process to a database server: one writes, the others read and keep leases. */
  connectionsMax: 4,
  /** Milliseconds that work on a database server is tried anew after a failure that passes: its restart takes less. */
  retryMsMax: 60_000,
  /** Longest pause between two tries, milliseconds, before half of it is added or taken off by chance. */
  retryDelayMsMax: 2_000,
  /** Milliseconds that a loader waits to make the partition of a new month while others read all events. */
  monthWaitMs: 1_800_000,
  /** Milliseconds that opening a database server is tried: a person waits. */
  connectMsMax: 5_000,
  /** Milliseconds for which a loader holds a source without a sign of life; it renews at a third of it. */
  leaseMs: 15_000,
  /** Milliseconds after which the server ends a transaction whose loader does nothing. */
  idleTransactionMs: 15_000,
  /** Free bytes on the disk below which no further transaction is started. */
  diskFreeBytesMin: 64 * 1024 * 1024,
  /** On a disk so small that this is more than one in eight of its bytes, one in eight. */
  diskFreeShare: 8,
  /** Seconds between two checkpoints of a long run. */
  checkpointSeconds: 600,
  /** Verdicts on texts that a reader keeps, twice: the younger and the older half. */
  verdictCacheMax: 20_000,
  /** Characters of all these texts, twice: attackers choose how long they are. */
  verdictCacheCharsMax: 2_000_000,
  /** Characters of a text whose verdict is kept: longer ones hardly repeat, and would fill the memory. */
  cachedTextCharsMax: 4_096,
  /** Events whose verdicts are made again before the changes so far are written: what is in memory, and what a stop costs. */
  recomputeEventsMax: 50_000,
  /** Texts of one event that are scored one by one; those behind are scored as one. Cowrie's events have 30. */
  scoredTextsMax: 1_000,
  /** Hazard from which an event is withheld for a person, unless the operator says otherwise. */
  holdHazard: 96,
  /** Characters of one text in a prompt for a language model: longer ones are payloads, and room for persuasion. */
  promptTextCharsMax: 500,
  /** Characters of a whole prompt; fits the window of small models. */
  promptCharsMax: 60_000,
  /** How often what lies between two redacted places is looked at again; the detectors of ours need two rounds. */
  redactionRoundsMax: 4,
  /** Names in one top list of a report. */
  topMax: 1_000,
  /** Days of one report: ten years. */
  reportDaysMax: 3_660,
  /** Values named in one statement: 60 KB of it. */
  listedValues: 10_000,
  /** Pairs of value and day that are looked up one by one: two microseconds each. */
  lookedUpValues: 2_000,
  /** Commands with an SSH key that a report looks at, in the order of their texts; attackers use few keys, in many lines. */
  keyCommandsMax: 10_000,
  /** Kinds of drift that a report tells of. */
  driftShown: 20,
  /** Sessions with commands or files that are compared with each other: 500 bytes each; a month of ten million events a half year has 48,000. */
  comparedSessionsMax: 300_000,
  /** Days whose sessions are read at once: a few megabytes. */
  comparedDays: 7,
  /** Addresses from which sessions must come to be a campaign. */
  campaignAddressesMin: 3,
  /** Sessions that must have a command for it to tell campaigns apart: attackers put random words into some. */
  campaignSessionsMin: 3,
  /** Characters of what a campaign shares, or of what a session is unusual for. */
  insightTextCharsMax: 300,
  /** Sessions of the window that have a command at most, for it to be rare. */
  rareSessionsMax: 2,
  /** Weight of its reasons from which a session is unusual. */
  unusualWeightMin: 25,
  /** Characters of a text up to which patterns run in V8's quick engine: backtracking stays in milliseconds. */
  ruleQuickCharsMax: 2_048,
  /** Characters of a text that the reader of shell syntax sees, half of them at each end: Cowrie takes lines of 64 KiB. */
  ruleTextCharsMax: 65_536,
  /** Milliseconds that one rule may take for one text before it is reported. */
  ruleMsMax: 25,

  // Anomalies of the live stream.
  /** Weeks of hours that baselines are made of; older hours are forgotten. */
  activityWeeks: 8,
  /** Hours that must have been counted before a detector speaks: three days, so that a start is no storm. */
  activitySamplesMin: 72,
  /** Spreads above the median from which a figure is an alarm; docs/anomalies.md has what it costs in false ones. */
  anomalyScoreMin: 6,
  /** Hours back from now that are still judged: later arrivals are history. */
  anomalyLateHours: 48,
  /** Values that one anomaly names. */
  anomalyEvidenceMax: 10,
  /** Characters of such a value. */
  anomalyTextCharsMax: 200,
  /** Percent of the threshold that reviewers can raise a detector to; beyond, it should rather be ignored. */
  anomalyFactorPercentMax: 800,
  /** Percent of the present factor that a false alarm raises it to. */
  anomalyFactorStepPercent: 125,
  /** Minutes for which an alarm lowers the rate of the follower. */
  anomalyThrottleMinutes: 15,
  /** Undecided alarms that are handed on at once, newest first. */
  anomaliesOpenMax: 100,
  /** Texts that a confirmed anomaly proposes rules for. */
  anomalyDraftsMax: 10,
  /** Sensors that are watched; names of sensors come from events. */
  sensorsWatchedMax: 1_000,
  /** Hours of one sensor of which values are kept at hand for evidence. */
  hoursWatchedMax: 12,
  /** Addresses of one minute that are told apart, for each sensor: the busiest; attackers choose addresses. */
  addressesWatchedMax: 256,
  /** Addresses, and sessions, of one hour that are told apart, for each sensor. */
  hourTopMax: 32,
  /** Sessions with a log-in that the meter remembers, to tell what came after one. */
  loggedInSessionsMax: 20_000,
  /** Days after which a value that comes again is new. */
  newValueDays: 30,
  /** Values of these days that are remembered: 10 bytes each, twice; beyond, the oldest days are forgotten. */
  knownValuesMax: 524_288,
  /** Keys in one command line that are looked at. */
  sshKeysOfCommandMax: 8,
  /** Sessions with a known place that an hour needs before its mix is compared. */
  mixSessionsMin: 50,
  /** Sessions with a known place that the 30 days before need. */
  mixBaselineMin: 500,
  /** Networks of one sensor and day that are told apart; the others count as one. */
  mixGroupsMax: 256,

  // Databases of places.
  /** Files of one installation: countries or cities, and systems; each is kept in memory whole. */
  geoDatabasesMax: 8,
  /** Bytes of one file: the largest in use have 130 MB. */
  geoFileBytesMax: 256 * 1024 * 1024,
  /** Bytes at the end of a file in which its metadata starts, as the format says. */
  geoMetadataBytesMax: 128 * 1024,
  /** Values of one record: those of a city in eight languages have 200. */
  geoRecordValuesMax: 4_000,
  /** Nesting of a record: the deepest in use have 4. */
  geoRecordDepthMax: 16,
  /** Bytes of all texts of one record that are read; those of a city in eight languages have 2,000. */
  geoRecordBytesMax: 65_536,
  /** Bytes of one text of a record that are read: keys and values in use are shorter. */
  geoTextBytesMax: 1_024,
  /** Characters of a name of a city, an organisation or a database that are kept. */
  geoTextCharsMax: 200,
  /** Records of a file that are looked at to tell what it knows. */
  geoSamples: 256,
  /** Records whose facts are kept at hand, for each file: more than there are countries, a quarter of all systems. */
  geoRecordsKeptMax: 20_000,
  /** Characters of an address: IPv6 has 45, and a zone. */
  geoAddressCharsMax: 64,
  /** Seconds since 1970 that a build may lie at; the end of the year 9999. */
  geoBuiltSecondsMax: 253_402_300_799,
  /** Days after which a database is called old: addresses change hands, and makers publish each week or month. */
  geoOldDays: 60,
  /** Addresses read, looked up and written in one go: a transaction of milliseconds, so that loaders hardly wait. */
  geoBatchMax: 1_000,
  /** Addresses that a follower looks up, and that it passes, in one tick: its loop must not wait. */
  geoTickAddressesMax: 5_000,
  geoTickPassedMax: 20_000,
  /** Ticks of a minute after which a follower begins anew with the first address. */
  geoSweepTicks: 60,
  /** Answers that a follower keeps at hand. */
  geoAnswersKeptMax: 10_000,

  /** Payloads of one run of the red team; each becomes about fifty events, twice. */
  redteamPayloadsMax: 20_000,
  /** Characters of one of its payloads; a list without line ends would be one. */
  redteamTextCharsMax: 16_384,

  // Dashboard: what waits for a person, sources, proofs, reports.
  /** Milliseconds that a decision waits for its turn to write before the page says that the store is busy. */
  webWriterWaitMs: 10_000,
  /** Rows of a list on one page. */
  webRowsMax: 50,
  /** Anomalies on one page. */
  webAnomaliesMax: 100,
  /** Withheld events that a page of a batch shows at most, the most hazardous first; a batch has no more. */
  webSamplesMax: 4_096,
  webSamples: 12,
  /** Bytes of one text that are shown as bytes: more says nothing new to a person. */
  webHexBytesMax: 512,
  /** Characters of a reason: it is kept in the journal for ever. */
  webReasonCharsMax: 1_000,
  /** Characters of a text that somebody tries the rules on: rules take time in proportion. */
  webTryCharsMax: 8_192,
  /** Milliseconds between two looks at the status files of loaders, one look for everyone who watches. */
  webWatchMs: 2_000,
  /** Looks without news after which it is told all the same, so that nobody takes the line for dead. */
  webWatchQuiet: 8,
  /** Reports that are kept to be fetched; the oldest makes room. */
  webReportsMax: 100,
  webReportsBytesMax: 512 * 1024 * 1024,
  /** Bytes of a report that is opened in a browser. */
  webReportOpenBytesMax: 32 * 1024 * 1024,
  /** Milliseconds that one report may take, and one verification. */
  webReportMs: 600_000,
  webVerifyMs: 12 * 3_600_000,
  /** Requests that wait for a report to be made; one is made at a time. */
  webReportsWaitingMax: 8,

  // Alerts.
  /** Characters of what an alert is about: a sensor or path fits, and so does a key of both engines' indexes. */
  alertSubjectCharsMax: 200,
  /** Sensors whose silence is looked for, the busiest first: names of sensors come out of logs, and so may any number. */
  alertSensorsMax: 1_000,
  /** Batches that wait for a person and have an alert of their own; one alert stands for all others. */
  alertBatchesMax: 20,
  /** Days back that a silent sensor was heard of last, or a missing day lies, to be news. */
  alertNewsDays: 7,
  /** Days back that an alert is kept open for a missing day; also the days of which a look reads the roll-up. */
  alertDaysMax: 35,
  /** Held-back messages that the next one names; the others are counted. */
  alertSuppressedMax: 50,
  /** Free bytes below which a disk is told as critical: loads stop at a quarter of it. */
  alertDiskBytesMin: 256 * 1024 * 1024,
  /** Milliseconds after which the status file of a follower that runs is stale: it writes one every few seconds. */
  statusFreshMs: 120_000,
  /** Milliseconds for which one look keeps others away: longer than all channels may take. */
  alertLookMsMax: 600_000,
  /** Times that one message is offered to a webhook. */
  alertTriesMax: 3,
  /** Milliseconds before the second try, at most; before the third twice as many. */
  alertRetryMs: 2_000,
  /** Failures in a row after which a webhook is left alone, and for how many milliseconds. */
  alertBreakerFailures: 3,
  alertBreakerMs: 60_000,

  // Evidence packages.
  /** Lines in one package: a zip without extensions names 65,535 files. */
  evidenceRecordsMax: 50_000,
  /** Bytes of all lines in one package: they are in memory while it is made. */
  evidenceBytesMax: 128 * 1024 * 1024,
  /** Older checkpoints that a package leads back to, where no other number is asked for: a few hundred bytes each. */
  evidenceLinksMax: 100,
  /** Bytes of a package that is read, and of all files in it: they are in memory while it is checked. */
  evidencePackageBytesMax: 1024 * 1024 * 1024,
  // The dashboard.
  /** Bytes of one form or JSON document: the largest form holds a reason. */
  webBodyBytesMax: 65_536,
  /** Bytes of the head of one request. */
  webHeaderBytesMax: 16_384,
  /** Characters of one part of a path: a session, a sensor, a hash. */
  webPathPartCharsMax: 512,
  /** Milliseconds in which the head, and all of a request, must have come. */
  webHeadersMsMax: 10_000,
  webRequestMsMax: 30_000,
  /** Milliseconds for which a connection without a request is kept. */
  webKeepAliveMs: 10_000,
  /** Milliseconds without a byte after which a connection is closed; live pages get a byte more often than that. */
  webSilenceMsMax: 300_000,
  /** Milliseconds between two bytes of a live page that has nothing to tell. */
  webHeartbeatMs: 15_000,
  /** Milliseconds for which requests under way may go on when the server stops. */
  webDrainMs: 10_000,
  /** Connections at once: of all, of one address elsewhere, and of this machine. Browsers open 6, and one for each live page. */
  webConnectionsMax: 1_000,
  webConnectionsOfAddressMax: 100,
  webConnectionsOfLoopbackMax: 500,
  /** Live pages of one user and of all. */
  webStreamsOfUserMax: 8,
  webStreamsMax: 100,
  /** Seconds over which requests of one address are counted. */
  webRateWindowS: 10,
  /** Addresses whose requests are counted; beyond, those longest silent are forgotten. */
  webAddressesMax: 5_000,
  /** Sign-ins of one user, and of all; the oldest of the user ends. */
  webSignInsOfUserMax: 20,
  webSignInsMax: 1_000,
  /** Sensors that a report of the dashboard may name; more make a group, or all. */
  webReportSensorsMax: 100,
  /** Failed tries before the next has to wait: of one address, and of one user from addresses that are not theirs. */
  webTriesOfAddress: 5,
  webTriesOfUser: 10,
  /** Seconds of the first wait, which doubles with each try, and of the longest. */
  webTriesWaitS: 2,
  webTriesWaitSMax: 900,
  webTriesUserWaitSMax: 60,
  /** Days for which an address from which a user came in does not wait for others who fail, and how many of each user. */
  webUsualAddressDays: 30,
  webUsualAddressesMax: 20,
  /** Seconds without a failure after which tries are forgotten. */
  webTriesForgetS: 3_600,
  /** Characters of a path to go on to after a sign-in. */
  webNextCharsMax: 2_000,
  /** Passwords hashed at once: each takes 32 MiB, a fifth of a second and one of the four threads for such work. */
  webHashesMax: 3,
  /** Minutes over which failed sign-ins become one entry of the journal. */
  webFailuresMinutes: 10,
  /** Minutes for which the link of the first start is good, and hours of an invitation. */
  webFirstLinkMinutes: 15,
  webInvitationHours: 72,
  /** Characters of a password. */
  webPasswordCharsMin: 12,
  webPasswordCharsMax: 256,
  /** Users, and tokens, of one file. */
  webUsersMax: 500,
  webTokensMax: 500,
  /** Tokens of one user, so that nobody takes the room of the others. */
  webTokensOfUserMax: 50,
  /** Days for which a token may be good. */
  webTokenDaysMax: 366,
  /** Bytes of the file of accounts. */
  webAccountsBytesMax: 4 * 1024 * 1024,
  /** Milliseconds for which another process may hold the file of accounts, and after which its lock is left over. */
  webAccountsWaitMs: 3_000,
  webAccountsLockMsMax: 15_000,
  /** Milliseconds for which the figures of the frame are taken from memory. */
  webFrameMs: 5_000,
  /** How many times as long as asking for them took they are taken from memory. */
  webFrameRatio: 100,
  /** Milliseconds between two looks at who is still signed in. */
  webSweepMs: 2_000,
  /** Milliseconds between two looks whether the certificate was renewed. */
  webCertificateMs: 60_000,
  /** Milliseconds in which the store answers, or the server is not ready. */
  webReadyMs: 3_000,
  // Replays of terminals.
  /** Bytes of one tty log that are read: the longest of a Cowrie lab run had 30 KB. */
  replayFileBytesMax: 16 * 1024 * 1024,
  /** Records of it: a flood is written in pieces of a few bytes. */
  replayRecordsMax: 500_000,
  /** Steps of the terminal model, of about 10 nanoseconds: what a tty log may cost, whatever it holds. */
  replayStepsMax: 100_000_000,
  /** Columns and rows of the screen; clients claim up to 2^32. */
  replayColumnsMax: 200,
  replayRowsMax: 60,
  /** Frames, and how many milliseconds lie between two: 15 a second are enough for the eye. */
  replayFramesMax: 2_000,
  replayFrameMsMin: 66,
  /** Bytes of all frames as JSON, about: a page loads them in a second or two. */
  replayFrameBytesMax: 3 * 1024 * 1024,
  /** Milliseconds of a pause that are played; the true time stands beside it. */
  replayPauseMsMax: 2_000,
  /** Numbers of one sequence, bytes of the sequence, and bytes of a string (title, image) after which it counts as unended. */
  replayParametersMax: 32,
  replaySequenceBytesMax: 256,
  replayStringBytesMax: 65_536,
  /** Marks over one letter; no written language needs more. */
  replayMarksMax: 3,
  /** Characters of the transcript. */
  replayTranscriptCharsMax: 524_288,
  /** Typed texts, their bytes, and the bytes of one: a binary can be piped into a command. */
  replayInputsMax: 2_000,
  replayInputBytesMax: 131_072,
  replayInputTextBytesMax: 8_192,
  /** Characters of an asciicast. */
  replayCastCharsMax: 16 * 1024 * 1024,
  /** Milliseconds until a thread that plays is ended, and MiB of its heap. */
  replayMsMax: 10_000,
  replayHeapMibMax: 256,
  /** Replays that wait for the thread; more are refused. */
  replayWaitingMax: 16,
  /** Bytes of made replays that are kept at hand. */
  replayKeptBytesMax: 16 * 1024 * 1024,
  /** Tty logs of one session that are listed. */
  replayLogsMax: 100,

  // Reports as files.
  /** Characters of one text in a page for people: some lines of a table; `--json` has all of it. */
  reportTextCharsMax: 240,
  /** The same of a name: a SHA-256 has 64, a host 63. */
  reportNameCharsMax: 80,
  /** The same where it is but the reason for something else, and how many such reasons are shown. */
  reportReasonCharsMax: 120,
  reportReasonsMax: 2,
  /** Days that a page lists one by one: two months; longer periods have the chart, and `--json`. */
  reportDayRowsMax: 62,
  /** Bytes of one answer of the browser that prints: a PDF of 100 pages has 2 MB. */
  pdfMessageBytesMax: 256 * 1024 * 1024,

  // Unwrapping of what an attacker encoded.
  /** Characters of one text that are unwrapped: a command line of Linux has at most 128 KiB, those of attackers 10. */
  unwrapCharsMax: 65_536,
  /** Characters read in all rounds on one text: four rounds at full size, and time in proportion. */
  unwrapTotalCharsMax: 262_144,
  /** Rounds of unwrapping; attackers nest two or three encodings. */
  unwrapRoundsMax: 16,
  /** Texts that one text is unwrapped into. */
  unwrapTextsMax: 20,
  /** Nesting of substitutions, groups and quotes that is followed. */
  unwrapDepthMax: 24,
  /** Bytes that one compressed blob may inflate to; the rest is not looked at. */
  unwrapInflateBytesMax: 65_536,
  /** Characters that decoders and variables may read and make on one text: bombs are made of few characters. */
  unwrapMadeCharsMax: 524_288,
  /** The same for the shortest text, and how much each of its characters adds: a line of 50 took 150 ms of rules. */
  unwrapMadeCharsMin: 16_384,
  unwrapMadeRatioMax: 64,
  /** Words that one pair of braces may become. */
  unwrapBraceWordsMax: 64,
  /** Variables and files that are followed in one text. */
  unwrapNamesMax: 256,
  // The dashboard.
  /** Sessions that are gathered and sorted for one page; reading each costs 3 microseconds. */
  searchGatherMax: 10_000,
  /** Sessions that one page looks at on its way along an order; fewer where each look goes to other tables. */
  searchWalkMax: 30_000,
  /** Parts of such a walk: others get a turn after each, and a walk of so many milliseconds stops there, as on a slow disk. */
  searchStretches: 10,
  searchWalkMsMax: 120,
  /** Verdicts that are looked for one by one in a session; with more its events are read. */
  searchVerdictsMax: 60,
  /** Up to so many, the sessions found are counted. */
  searchCountMax: 10_000,
  /** Sessions of one condition that a count looks at. */
  searchCountLookMax: 40_000,
  /** Counts of lists that are kept until something is added; 200 bytes each, more where a filter is long. */
  searchTotalsKept: 500,
  /** Different words of one search: each costs a look at every command that has those before it. */
  searchWordsMax: 16,
  /** Values that a part of a command may stand for before each session is asked by itself. */
  searchValuesMax: 2_000,
  /** Values whose days are looked up to skip those without them. */
  searchSkipValuesMax: 20,
  /** Sessions on one page. */
  sessionsPageMax: 200,
  sessionsPage: 50,
  /** Characters of a command or credential in a list. */
  gistChars: 400,
  /** Commands of a session that a list looks at for the most telling one; 25 microseconds each. */
  gistCommandsMax: 8,
  /** Texts of commands whose scores are kept for the next list; 1 KB each. */
  gistReadingsKept: 4_000,
  /** Credentials of a session in a list. */
  gistCredentials: 2,
  /** Events of a session on its page; the JSON of it has all. */
  sessionEventsShown: 1_000,
  /** Commands of a session that are unwrapped to be shown; each takes up to some milliseconds. */
  sessionExplainedMax: 40,
  /** Characters of one undone layer on a page, and of one field of an event. */
  layerChars: 4_000,
  /** Values of a session for which others are counted. */
  sessionTiesMax: 8,
  /** Milliseconds for which an overview is shown again though something was added, and where nothing was. */
  overviewFreshMs: 5_000,
  overviewKeptMsMax: 60_000,
  /** Milliseconds that a page waits for its overview to be sent whole; after them it is sent in two pieces. */
  overviewWholeMs: 200,
  /** Overviews that are kept: some spans for some sensors. */
  overviewsKept: 32,
  /** Counts of hours and days that are kept: 180 days by the hour, twice, for some sensors; 100 bytes each. */
  overviewCountsKept: 60_000,
  /** Time of which counts are asked at once, microseconds: of so much the busiest stores answer within 50 ms. */
  overviewSliceUs: 86_400_000_000,
  /** The same of sessions, which are fewer. */
  overviewSessionsSliceUs: 4 * 86_400_000_000,
  /** Values of days that are asked at once: days are asked together until they have so many, which takes some milliseconds. */
  overviewSliceValues: 10_000,
  /** The newest days of an overview, which batches add to; sums of values of the days before them, in pages of 1 KiB. */
  overviewUnsettledDays: 2,
  overviewTallyPagesKept: 56_000,
  /** Days of one overview. */
  overviewDaysMax: 366,
  /** Up to so many days, activity is shown by the hour. */
  overviewHourDays: 8,
  /** Rows of a list of the overview, and values that share its last place and are compared. */
  overviewTop: 8,
  overviewTiesMax: 200,
  /** What is new: rows. */
  overviewNew: 8,
  /** Places of addresses that are read at once. */
  overviewPlaces: 10_000,
} as const
