import { table } from '../../core/terminal.ts'
import { terminal } from '../../output/encode/terminal.ts'
import { type Command, EXIT } from '../command.ts'

export const configExplain: Command = {
  name: 'config explain',
  summary: 'Show every setting: its value, where it comes from, what it means',
  arguments: '',
  argumentCount: [0, 0],
  options: {},
  examples: ['config explain', 'config explain --data /srv/nacre --json'],
  async run(app) {
    const { SETTINGS, withoutPassword } = await import('../../config/settings.ts')
    const settings = app.settings.all.map((setting) => {
      const spec = SETTINGS.find((one) => one.name === setting.name)!
      return {
        ...setting,
        value: withoutPassword(setting.value),
        option: spec.option ?? null,
        environment: spec.env ?? null,
      }
    })
    app.out.result({ settings, sensors: app.settings.sensors }, () =>
      terminal.join(
        [
          table(
            [
              { title: 'setting' },
              { title: 'value' },
              { title: 'from' },
              { title: 'option' },
              { title: 'environment' },
              { title: 'meaning' },
            ],
            settings.map((one) => [
              terminal.own(one.name),
              String(one.value) === ''
                ? app.out.paint.dim(terminal`(empty)`)
                : terminal.own(String(one.value)),
              terminal.own(one.place === '' ? one.origin : `${one.origin} ${one.place}`),
              terminal.own(one.option ?? ''),
              terminal.own(one.environment ?? ''),
              terminal.own(one.meaning),
            ]),
            '',
          ),
          ...Object.entries(app.settings.sensors).map(
            ([prefix, name]) => terminal`sensor of ${terminal.own(prefix)}: ${terminal.own(name)}`,
          ),
        ],
        '\n',
      ),
    )
    return EXIT.ok
  },
}
