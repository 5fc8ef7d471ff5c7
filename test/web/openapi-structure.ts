/** What an OpenAPI 3.1 document is made of, as far as ours goes; after the text of the specification. */

const ref = (name: string) => ({ $ref: `#/$defs/${name}` })
const text = { type: 'string' }
const content = { type: 'object', minProperties: 1, additionalProperties: ref('media') }

export const OPENAPI_3_1 = {
  type: 'object',
  required: ['openapi', 'info', 'paths'],
  properties: {
    openapi: { type: 'string', pattern: '^3\\.1\\.\\d+$' },
    info: {
      type: 'object',
      required: ['title', 'version'],
      properties: {
        title: text,
        version: text,
        description: text,
        license: {
          type: 'object',
          required: ['name'],
          properties: { name: text, identifier: text, url: text },
          additionalProperties: false,
        },
      },
      additionalProperties: false,
    },
    servers: { type: 'array', items: { type: 'object', required: ['url'] } },
    security: { type: 'array', items: ref('requirement') },
    paths: {
      type: 'object',
      patternProperties: { '^/': ref('path') },
      additionalProperties: false,
    },
    components: {
      type: 'object',
      properties: {
        schemas: { type: 'object', additionalProperties: ref('schema') },
        securitySchemes: {
          type: 'object',
          additionalProperties: {
            type: 'object',
            required: ['type'],
            properties: { type: { enum: ['apiKey', 'http', 'oauth2', 'mutualTLS'] } },
            if: { properties: { type: { const: 'http' } } },
            // biome-ignore lint/suspicious/noThenProperty: a keyword of JSON Schema
            then: { required: ['scheme'] },
            else: { required: ['name', 'in'] },
          },
        },
      },
      additionalProperties: false,
    },
  },
  additionalProperties: false,
  $defs: {
    schema: { type: ['object', 'boolean'] },
    requirement: { type: 'object', additionalProperties: { type: 'array', items: text } },
    media: {
      type: 'object',
      properties: { schema: ref('schema') },
      additionalProperties: false,
    },
    path: {
      type: 'object',
      properties: Object.fromEntries(
        ['get', 'put', 'post', 'delete', 'options', 'head', 'patch', 'trace'].map((method) => [
          method,
          ref('operation'),
        ]),
      ),
      additionalProperties: false,
    },
    operation: {
      type: 'object',
      required: ['responses'],
      properties: {
        operationId: { type: 'string', pattern: '^[A-Za-z]\\w*$' },
        summary: text,
        description: text,
        security: { type: 'array', items: ref('requirement') },
        parameters: { type: 'array', uniqueItems: true, items: ref('parameter') },
        requestBody: {
          type: 'object',
          required: ['content'],
          properties: { required: { type: 'boolean' }, description: text, content },
          additionalProperties: false,
        },
        responses: {
          type: 'object',
          minProperties: 1,
          patternProperties: {
            '^(?:[1-5]\\d\\d|[1-5]XX|default)$': {
              type: 'object',
              required: ['description'],
              properties: { description: text, content },
              additionalProperties: false,
            },
          },
          additionalProperties: false,
        },
      },
      additionalProperties: false,
    },
    parameter: {
      type: 'object',
      required: ['name', 'in', 'schema'],
      properties: {
        name: text,
        in: { enum: ['query', 'header', 'path', 'cookie'] },
        description: text,
        required: { type: 'boolean' },
        schema: ref('schema'),
      },
      if: { properties: { in: { const: 'path' } } },
      // biome-ignore lint/suspicious/noThenProperty: a keyword of JSON Schema
      then: { required: ['required'], properties: { required: { const: true } } },
      additionalProperties: false,
    },
  },
} as const
