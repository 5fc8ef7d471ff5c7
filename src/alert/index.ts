/**
 * Alerts: from where things stand to messages that people get.
 *
 * In: a situation (plain data), the memory of earlier looks, settings, and channels. Out: messages, and the memory.
 * Promises: one alert is told once, reminded of and called over; what is not sent is told of or sent later; nothing here
 * throws into a loop. Refuses: text of a log anywhere but through an encoder, in arguments or in a header.
 */
export { acknowledgeAlert } from './acknowledge.ts'
export type { Channel, Delivery } from './channel.ts'
export { commandChannel } from './channels/command.ts'
export { isMailAddress, type MailOptions, mailChannel } from './channels/mail.ts'
export { isWebhookUrl, type WebhookOptions, webhookChannel } from './channels/webhook.ts'
export { type AlertRules, type LookReport, lookForAlerts, type Told } from './look.ts'
export { alertJson, guideOf } from './message.ts'
export type {
  LoaderSituation,
  LoaderState,
  OpenAnomaly,
  Situation,
  SourceSituation,
} from './situation.ts'
export { AlertWatch } from './watch.ts'
