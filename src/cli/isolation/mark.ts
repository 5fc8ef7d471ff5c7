/** How a process that was started without network knows that it is one. */

/** A name of the environment: addresses that may be connected to all the same, as JSON. */
export const ALLOWED_VARIABLE = 'NACRE_ISOLATION_ALLOWED'

/** Name of a global value that the guard sets; `Symbol.for` gives the same in every module. */
export const ISOLATED: unique symbol = Symbol.for('nacre.isolated')

/** What a database server is reached by. */
export type AllowedAddress =
  | { readonly host: string; readonly port: number }
  | { readonly path: string }

/** Whether the guard stands before this process. */
export function isIsolated(): boolean {
  return Reflect.get(globalThis, ISOLATED) === true
}
