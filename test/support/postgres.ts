/** The PostgreSQL server of the test run, which `npm test` starts, and databases on it. */
import { createDatabase, dropDatabase } from './postgres-server.ts'

/** Of a server on which the tests may make databases. */
export const postgresUrl: string | undefined = process.env['NACRE_TEST_POSTGRES'] || undefined

/** Why a test of the second engine cannot run, for its `skip`. */
export const missingPostgres: string | false =
  postgresUrl === undefined ? 'no PostgreSQL server: NACRE_TEST_POSTGRES is not set' : false

/** A new database, empty unless the options say otherwise. @param options - rest of `create database` */
export async function freshDatabase(
  options?: string,
): Promise<{ readonly url: string; drop(): Promise<void> }> {
  if (postgresUrl === undefined) throw new Error(`There is ${missingPostgres}.`)
  const url = await createDatabase(postgresUrl, options)
  return { url, drop: () => dropDatabase(postgresUrl, url) }
}
