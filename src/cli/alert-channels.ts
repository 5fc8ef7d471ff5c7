/** The channels of the settings, with network, processes and secrets put in. */
import { spawn } from 'node:child_process'
import { readFileSync } from 'node:fs'
import { isAbsolute } from 'node:path'
import {
  type Channel,
  commandChannel,
  isMailAddress,
  isWebhookUrl,
  mailChannel,
  webhookChannel,
} from '../alert/index.ts'
import { badValue } from '../config/load.ts'
import { readSecret } from '../config/secret.ts'
import type { AlertSettings } from '../config/settings.ts'

/**
 * The channels that are set up; none where nothing is.
 *
 * @throws ConfigError `CONFIG_BAD_VALUE`, `CONFIG_NO_SECRET`
 */
export async function alertChannels(
  settings: AlertSettings,
  environment: Readonly<Record<string, string | undefined>>,
): Promise<Channel[]> {
  const secret = (name: string, reference: string): string | undefined =>
    readSecret(name, reference, environment, (path) => readFileSync(path, 'utf8'))
  const { timeoutMs } = settings
  const channels: Channel[] = []
  if (settings.webhook !== '') {
    const isReference = /^(?:env|file):/.test(settings.webhook)
    const url = isReference ? secret('alerts.webhook', settings.webhook)! : settings.webhook
    // The path of a webhook is often its password.
    if (!isWebhookUrl(url))
      throw badValue(
        'alerts.webhook',
        '(withheld)',
        'a URL with https, or with http to this machine, without user and password',
      )
    const key = secret('alerts.webhook_secret', settings.webhookSecret)
    channels.push(await webhookChannel({ url, secret: key, timeoutMs, fetch }))
  }
  if (settings.mailTo.length > 0) channels.push(await mail(settings, secret))
  if (settings.command !== '') {
    if (!isAbsolute(settings.command))
      throw badValue('alerts.command', settings.command, 'an absolute path')
    channels.push(
      commandChannel({
        file: settings.command,
        args: settings.commandArguments,
        environment,
        timeoutMs,
        spawn,
      }),
    )
  }
  return channels
}

async function mail(
  settings: AlertSettings,
  secret: (name: string, reference: string) => string | undefined,
): Promise<Channel> {
  const { mailTo: to, mailFrom: from, smtpTls: security, smtpUser: user, timeoutMs } = settings
  for (const address of to)
    if (!isMailAddress(address))
      throw badValue('alerts.mail_to', address, 'plain addresses: name@example.org')
  if (!isMailAddress(from))
    throw badValue('alerts.mail_from', from, 'a plain address: nacre@example.org')
  const password = secret('alerts.smtp_password', settings.smtpPassword)
  const isHere = ['localhost', '127.0.0.1', '::1'].includes(settings.smtpHost)
  if (security === 'none' && user !== '' && !isHere)
    throw badValue('alerts.smtp_tls', 'none', 'starttls or tls where a password is sent')
  return mailChannel({
    host: settings.smtpHost,
    port: settings.smtpPort,
    security,
    login: user === '' ? undefined : { user, password: password ?? '' },
    from,
    to,
    timeoutMs,
  })
}
