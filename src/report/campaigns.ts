/** Sessions from many addresses that share their commands, an SSH key, a file or a new HASSH. */
import { createHash } from 'node:crypto'
import { ownText } from '../core/event.ts'
import { dayOf, formatDay } from '../core/instant.ts'
import { compareUtf8, cutText, joinTexts, type SafeText } from '../core/text.ts'
import { LIMITS } from '../limits.ts'
import type { ActiveSession, NamedSession } from '../store/port.ts'
import { type Group, Groups } from './groups.ts'
import { IdSets } from './id-sets.ts'
import type { IdTable } from './id-table.ts'
import { CAMPAIGN_TRAITS, type Campaign } from './insights.ts'
import { CLASS, type Key } from './novelty.ts'
import type { InsightSource, TextReader } from './reader.ts'

/** Of no bytes: what a redirection without output leaves. It ties nobody to anybody. */
const EMPTY_FILE = 'e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855'

/** Threat from which a single command is told as a campaign: below, it is what everybody types. */
const LONE_COMMAND_THREAT = 40

const NONE: readonly number[] = []

type Trait = Campaign['shares']
type Candidate = {
  readonly trait: Trait
  /** The value that is shared; of commands the number of their set, of keys the place among them. */
  readonly number: number
  readonly group: Group
}

/** Sorts sessions by what they share. */
export class CampaignFinder {
  readonly #classes: IdTable
  readonly #hasshBefore: IdTable
  readonly #keys: readonly Key[]
  readonly #keyOfCommand = new Map<number, number[]>()
  readonly #sets = new IdSets()
  readonly #bySet: Groups
  readonly #byFile: Groups
  readonly #byHassh: Groups
  readonly #byKey: Groups

  /**
   * @param classes - of commands and files
   * @param hasshBefore - those that were met before
   * @param nameOf - names of sensors
   */
  constructor(
    classes: IdTable,
    hasshBefore: IdTable,
    keys: readonly Key[],
    nameOf: (sensorId: number) => SafeText,
  ) {
    this.#bySet = new Groups(nameOf)
    this.#byFile = new Groups(nameOf)
    this.#byHassh = new Groups(nameOf)
    this.#byKey = new Groups(nameOf)
    this.#classes = classes
    this.#hasshBefore = hasshBefore
    this.#keys = keys
    for (const [n, key] of keys.entries())
      for (const id of key.commandIds)
        this.#keyOfCommand.set(id, [...(this.#keyOfCommand.get(id) ?? []), n])
  }

  /** Sessions by SSH key, by its place among the keys. */
  get byKey(): Groups {
    return this.#byKey
  }

  /** Places of the keys that a session left. */
  keysOf(session: ActiveSession): readonly number[] {
    let found: readonly number[] = NONE
    if (this.#keyOfCommand.size === 0) return found
    for (const id of session.valueIds) {
      const keys = this.#keyOfCommand.get(id)
      if (keys !== undefined) found = found.length === 0 ? keys : [...new Set([...found, ...keys])]
    }
    return found
  }

  add(session: ActiveSession): void {
    const { valueIds } = session
    let shared = 0
    for (const id of valueIds) {
      const is = this.#classes.get(id)
      if ((is & CLASS.shared) !== 0) shared += 1
      else if ((is & CLASS.file) !== 0) this.#byFile.add(id, session)
    }
    if (shared > 0) {
      const isShared = (id: number): boolean => (this.#classes.get(id) & CLASS.shared) !== 0
      const set = shared === valueIds.length ? valueIds : valueIds.filter(isShared)
      this.#bySet.add(this.#sets.numberOf(set), session)
    }
    for (const n of this.keysOf(session)) this.#byKey.add(n, session)
    if (session.hassh !== 0 && !this.#hasshBefore.has(session.hassh))
      this.#byHassh.add(session.hassh, session)
  }

  /** Those of most addresses, then of most sessions, then the earlier. @param limit - how many at most */
  async find(source: InsightSource, reader: TextReader, limit: number): Promise<Campaign[]> {
    // Of none of these so many that others are crowded out.
    const quarter = Math.ceil(limit / 4)
    const candidates = [
      ...most('commands', this.#bySet, limit, (set) => this.#sets.idsOf(set).length > 1),
      ...(await this.#loneCommands(source, reader, limit)),
      ...most('sshKey', this.#byKey, quarter),
      ...most('file', this.#byFile, quarter),
      ...most('hassh', this.#byHassh, quarter),
    ]
    const kept = candidates
      .sort(byWeight)
      .filter((one, i, all) => i <= limit || byWeight(one, all[limit]!) === 0)
    const campaigns = await this.#told(source, kept)
    return campaigns
      .toSorted(
        (a, b) =>
          byWeight(a, b) ||
          CAMPAIGN_TRAITS.indexOf(a.trait) - CAMPAIGN_TRAITS.indexOf(b.trait) ||
          compareUtf8(a.campaign.value, b.campaign.value) ||
          compareUtf8(a.campaign.id, b.campaign.id),
      )
      .map((one) => one.campaign)
      .filter((one) => one.value !== EMPTY_FILE)
      .slice(0, limit)
  }

  /** A single command is told where it does something: most are what everybody types. */
  async #loneCommands(
    source: InsightSource,
    reader: TextReader,
    limit: number,
  ): Promise<Candidate[]> {
    const idsOf = (set: number): readonly number[] => this.#sets.idsOf(set)
    const lone = most('commands', this.#bySet, limit, (set) => idsOf(set).length === 1)
    const texts = await source.texts(lone.flatMap((one) => idsOf(one.number)))
    return lone.filter(({ number }) => {
      const text = texts.get(idsOf(number)[0]!)
      return text !== undefined && reader.score(text).threat >= LONE_COMMAND_THREAT
    })
  }

  async #told(
    source: InsightSource,
    candidates: readonly Candidate[],
  ): Promise<(Candidate & { readonly campaign: Campaign })[]> {
    const idsOf = ({ trait, number }: Candidate): readonly number[] =>
      trait === 'sshKey' ? [] : trait === 'commands' ? this.#sets.idsOf(number) : [number]
    const texts = await source.texts([...new Set(candidates.flatMap(idsOf))])
    const firsts = new Map(
      (
        await source.named(
          candidates
            .filter((one) => one.trait === 'commands')
            .flatMap((one) => one.group.firstKeys),
        )
      ).map((session) => [session.key, session]),
    )
    const told: (Candidate & { readonly campaign: Campaign })[] = []
    for (const candidate of candidates) {
      const { trait, number, group } = candidate
      const values =
        trait === 'sshKey'
          ? [this.#keys[number]!.text]
          : idsOf(candidate)
              .map((id) => texts.get(id) ?? ownText(''))
              .sort(compareUtf8)
      const value =
        trait === 'commands'
          ? joined(await typedOrder(source, values, group, firsts))
          : (values[0] ?? ownText(''))
      told.push({
        ...candidate,
        campaign: {
          id: createHash('sha256')
            .update([trait, ...values].join('\n'))
            .digest('hex')
            .slice(0, 8),
          shares: trait,
          value,
          addresses: group.addresses.size,
          sessions: group.sessions,
          sensors: group.sensors.size,
          firstDay: formatDay(dayOf(group.firstUs)),
          lastDay: formatDay(dayOf(group.lastUs)),
          threatScore: group.threatScore,
          hazardScore: group.hazardScore,
        },
      })
    }
    return told
  }
}

/** Commands in the order in which the earliest session typed them. */
async function typedOrder(
  source: InsightSource,
  commands: readonly SafeText[],
  group: Group,
  firsts: ReadonlyMap<string, NamedSession>,
): Promise<SafeText[]> {
  const [first] = group.firstKeys
    .flatMap((key) => firsts.get(key) ?? [])
    .sort((a, b) => compareUtf8(a.session, b.session))
  const typed = first === undefined ? [] : await source.commandsOf(first)
  const place = (command: SafeText): number => {
    const at = typed.indexOf(command)
    return at < 0 ? typed.length : at
  }
  return commands.toSorted((a, b) => place(a) - place(b))
}

/** The first commands, as many as there is room for. */
function joined(commands: readonly SafeText[]): SafeText {
  return cutText(joinTexts(commands, '; '), LIMITS.insightTextCharsMax)
}

/** The largest groups, and those that are as large as the last of them. */
function most(
  trait: Trait,
  groups: Groups,
  limit: number,
  isMeant: (number: number) => boolean = () => true,
): Candidate[] {
  const candidates: Candidate[] = []
  for (const [number, group] of groups.several())
    if (group.addresses.size >= LIMITS.campaignAddressesMin && isMeant(number))
      candidates.push({ trait, number, group })
  candidates.sort(byWeight)
  // One more, since the empty file is left out only when its text is known.
  return candidates.filter((one, i) => i <= limit || byWeight(one, candidates[limit]!) === 0)
}

function byWeight({ group: a }: Candidate, { group: b }: Candidate): number {
  return b.addresses.size - a.addresses.size || b.sessions - a.sessions || a.firstUs - b.firstUs
}
