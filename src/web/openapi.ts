/** The API as an OpenAPI 3.1 document, made of the same values that guard and answer it. */
import type { FieldSpec, Route } from './route.ts'

export const API = '/api/v1/'

const ERROR = {
  type: 'object',
  required: ['error'],
  properties: {
    error: {
      type: 'object',
      required: ['code', 'message', 'hint'],
      properties: {
        code: { type: 'string', description: 'one of docs/reference/errors.md' },
        message: { type: 'string' },
        hint: { type: 'string', description: 'what to try next' },
        id: { type: 'string', description: 'of a fault, as standard error of the server names it' },
      },
    },
  },
} as const

/** @param routes - all; those outside of the API are left out */
export function openApiDocument(routes: readonly Route[], version: string): object {
  const paths: Record<string, Record<string, object>> = {}
  for (const route of routes.filter((one) => one.path.startsWith(API))) {
    const path = route.path.replaceAll(/:(\w+)/g, '{$1}')
    paths[path] = { ...paths[path], [route.method.toLowerCase()]: operationOf(route) }
  }
  return {
    openapi: '3.1.0',
    info: {
      title: 'nacre',
      version,
      description:
        'What is stored of the logs of Cowrie honeypots. Texts of attackers are in visible form and escaped for JSON; encode them again for where you show them.',
      license: { name: 'Apache-2.0', identifier: 'Apache-2.0' },
    },
    servers: [{ url: '/' }],
    security: [{ token: [] }, { cookie: [] }],
    paths,
    components: {
      securitySchemes: {
        token: { type: 'http', scheme: 'bearer', description: 'made on the page Tokens' },
        cookie: { type: 'apiKey', in: 'cookie', name: 'nacre', description: 'of a sign-in' },
      },
      schemas: { Error: ERROR },
    },
  }
}

function operationOf(route: Route): object {
  const parameters = [
    ...Object.entries(route.params ?? {}).map(([name, spec]) => parameter('path', name, spec)),
    ...Object.entries(route.query ?? {}).map(([name, spec]) => parameter('query', name, spec)),
  ]
  const body = Object.entries(route.body ?? {})
  return {
    operationId: operationId(route),
    summary: route.summary,
    ...(route.right === 'public'
      ? { security: [] }
      : { description: `Needs the right \`${route.right}\`.` }),
    ...(parameters.length === 0 ? {} : { parameters }),
    ...(body.length === 0 ? {} : { requestBody: requestBody(body) }),
    responses: {
      200: {
        description: route.summary,
        content: { 'application/json': { schema: route.answer ?? {} } },
      },
      default: {
        description: 'It was refused, or failed.',
        content: { 'application/json': { schema: { $ref: '#/components/schemas/Error' } } },
      },
    },
  }
}

/** `GET /api/v1/sessions/:sensor` as `getSessionsBySensor`. */
function operationId({ method, path }: Route): string {
  const words = path
    .slice(API.length)
    .split(/[/.-]/)
    .map((word) => (word.startsWith(':') ? `By${capital(word.slice(1))}` : capital(word)))
  return method.toLowerCase() + words.join('')
}

function capital(word: string): string {
  return word.charAt(0).toUpperCase() + word.slice(1)
}

function parameter(place: 'path' | 'query', name: string, spec: FieldSpec): object {
  return {
    name,
    in: place,
    description: spec.meaning,
    required: place === 'path' || spec.required === true,
    schema: schemaOf(spec),
  }
}

function requestBody(fields: readonly (readonly [string, FieldSpec])[]): object {
  const required = fields.filter(([, spec]) => spec.required === true).map(([name]) => name)
  const schema = {
    type: 'object',
    ...(required.length === 0 ? {} : { required }),
    properties: Object.fromEntries(
      fields.map(([name, spec]) => [name, { ...schemaOf(spec), description: spec.meaning }]),
    ),
    additionalProperties: false,
  }
  return {
    required: required.length > 0,
    content: {
      'application/json': { schema },
      'application/x-www-form-urlencoded': { schema },
    },
  }
}

function schemaOf({ choices, pattern, charsMax, timesMax }: FieldSpec): object {
  const one = {
    type: 'string',
    maxLength: charsMax,
    ...(choices === undefined ? {} : { enum: choices }),
    ...(pattern === undefined ? {} : { pattern }),
  }
  return timesMax === undefined ? one : { type: 'array', items: one, maxItems: timesMax }
}
