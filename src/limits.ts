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
  /** Bytes before the cursor that are compared before the cursor of a plain file is used. */
  lineageTailBytes: 4_096,
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
  /** Characters of a text up to which patterns run in V8's quick engine: backtracking stays in milliseconds. */
  ruleQuickCharsMax: 2_048,
  /** Characters of a text that the reader of shell syntax sees, half of them at each end: Cowrie takes lines of 64 KiB. */
  ruleTextCharsMax: 65_536,
  /** Milliseconds that one rule may take for one text before it is reported. */
  ruleMsMax: 25,

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
} as const
