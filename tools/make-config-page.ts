/**
 * Makes `docs/reference/config.md` from the settings of the program.
 *
 * Run `node tools/make-config-page.ts` after a change of a setting; a test compares the two.
 */
import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { SETTINGS, type SettingSpec } from '../src/config/settings.ts'

/** The page as Markdown. */
export function makeConfigPage(): string {
  const specs: readonly SettingSpec[] = SETTINGS
  const lines = [
    '# Settings',
    '',
    'Look up here what can be set, where, and within which range. Nothing has to be: nacre works without a configuration.',
    '`nacre config explain` prints each value in force and where it came from.',
    '',
    '_Made from `src/config/settings.ts` by `tools/make-config-page.ts`: change the settings there, not this page._',
    '',
    '## Where a value comes from',
    '',
    'The first of these that has it: the option on the command line, the environment variable, the file `nacre.toml` in the',
    'data folder, the default. A setting that does not exist, or a value out of range, stops the program before it does',
    'anything. `data` says where the file is, so it is taken from the option, the environment or the default alone.',
    '',
    '## All settings',
    '',
    '| Setting | Option | Environment | Default | Values | Meaning |',
    '|---|---|---|---|---|---|',
    ...specs.map((spec) =>
      row([
        `\`${spec.name}\``,
        spec.option === undefined ? '' : `\`${spec.option}\``,
        spec.env === undefined ? '' : `\`${spec.env}\``,
        spec.fallback === '' ? 'empty' : `\`${spec.fallback}\``,
        valuesOf(spec),
        spec.meaning,
      ]),
    ),
    '',
    '`--jobs` is an option of `nacre ingest bulk`, those of `serve` settings are of `nacre serve`; the other options belong to every command.',
    '',
    '## The file',
    '',
    'TOML. A name with a dot is a key of a table:',
    '',
    '```toml',
    'jobs = 4',
    '',
    '[sqlite]',
    'synchronous = "full"',
    '',
    '[sensors]',
    '"/var/log/cowrie/lyon" = "lyon-1"',
    '',
    '[groups]',
    'france = ["lyon-1", "paris-1"]',
    '```',
    '',
    '`[sensors]` names the sensor of all logs below a path, and takes the place of the sensor that the events name. The',
    'longest path that fits wins. `--sensor` on the command line comes before it.',
    '',
    '`[groups]` names several sensors by one word, for `nacre report ... --group france`.',
  ]
  return `${lines.join('\n')}\n`
}

function valuesOf(spec: SettingSpec): string {
  if (spec.type === 'integer') return `${spec.min} to ${spec.max}, ${spec.unit}`
  return spec.choices === undefined
    ? 'text'
    : spec.choices.map((choice) => `\`${choice}\``).join(', ')
}

function row(cells: readonly string[]): string {
  return `| ${cells.join(' | ')} |`
}

if (import.meta.main) {
  writeFileSync(join(import.meta.dirname, '../docs/reference/config.md'), makeConfigPage())
}
