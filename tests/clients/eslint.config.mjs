// The schema under the linter's recommended rules and those of Relay; no rule is off.
import graphql from '@graphql-eslint/eslint-plugin';

const { configs, parser } = graphql;
const schema = 'house/schema.graphql';

export default [
  {
    files: [schema],
    languageOptions: { parser, parserOptions: { graphQLConfig: { schema } } },
    plugins: { '@graphql-eslint': graphql },
    linterOptions: { reportUnusedDisableDirectives: 'error' },
    rules: {
      ...configs['flat/schema-recommended'].rules,
      ...configs['flat/schema-relay'].rules,
      // Lists of edges come with `nodes: [N!]!` beside, and short closed lists (scopes, attempts) need no pages.
      '@graphql-eslint/relay-edge-types': ['error', { listTypeCanWrapOnlyEdgeType: false }],
      '@graphql-eslint/strict-id-in-types': [
        'error',
        {
          exceptions: {
            // Relay's own shapes, and answers of mutations, are values.
            suffixes: ['Connection', 'Edge', 'PageInfo', 'Payload'],
            types: [
              // Parts of the node that shows them; they cannot be asked for alone.
              'CarrierConfigCheck',
              'CarrierConfigProblem',
              'CarrierCredentials',
              'MessageAuthor',
              'Money',
              'QueueHealth',
              'Retention',
              'RetentionPeriod',
              'WebhookAddresses',
              'WebhookAttempt',
              'WebhookSecret',
              // Answers about the caller or the installation, of which there is one.
              'AuthTokens',
              'Health',
              'Limits',
              'Viewer',
              // A line of an answer: `phoneNumber` is its key.
              'ContactByPhoneNumber',
              // Known by their place: an entry of the log by its edge's cursor, an error by its field.
              'Event',
              'UserError',
            ],
          },
        },
      ],
    },
  },
];
