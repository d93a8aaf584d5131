// The explorer page: GraphiQL with a token field, live subscriptions and the examples of ./examples.
// Everything comes from this server; the page must work without internet.
import { createGraphiQLFetcher } from '@graphiql/toolkit';
import { GraphiQL } from 'graphiql';
import { createClient } from 'graphql-ws';
import { useEffect, useMemo, useState } from 'react';
import { createRoot } from 'react-dom/client';

import { Live } from './live.jsx';

import 'graphiql/style.css';
import './page.css';

import messages from './examples/messages.graphql';
import send from './examples/send.graphql';
import sendVariables from './examples/send.variables.json';
import watch from './examples/watch.graphql';

const TOKEN = 'phonehub:token';
const settings = JSON.parse(document.getElementById('settings').textContent);

const examples = [
  { query: watch },
  { query: send, variables: JSON.stringify(sendVariables, null, 2) },
  { query: messages },
];

function socketUrl() {
  const url = new URL('graphql', location.href);
  url.protocol = location.protocol === 'https:' ? 'wss:' : 'ws:';
  return url.href;
}

function connect(token) {
  const authorization = token ? { Authorization: `Bearer ${token}` } : {};
  const client = createClient({ url: socketUrl(), connectionParams: authorization, retryAttempts: Infinity });
  const fetcher = createGraphiQLFetcher({
    url: 'graphql',
    headers: authorization,
    enableIncrementalDelivery: false,
    wsClient: client,
  });
  return { client, fetcher };
}

function Page() {
  const [token, setToken] = useState(sessionStorage.getItem(TOKEN) ?? settings.token ?? '');
  const { client, fetcher } = useMemo(() => connect(token), [token]);
  useEffect(() => () => client.dispose(), [client]);
  const keep = (event) => {
    const typed = event.target.value.trim();
    sessionStorage.setItem(TOKEN, typed);
    setToken(typed);
  };
  const keepOnEnter = (event) => event.key === 'Enter' && keep(event);
  return (
    <>
      <header className="token">
        <strong>PhoneHub</strong>
        <label>
          Token
          <input
            type="password"
            name="token"
            autoComplete="off"
            spellCheck="false"
            placeholder="an access token or an API key (phk_…)"
            defaultValue={token}
            onBlur={keep}
            onKeyDown={keepOnEnter}
          />
        </label>
        {settings.token && token === settings.token && <span>demo token</span>}
      </header>
      <main key={token}>
        <GraphiQL fetcher={fetcher} defaultTabs={examples} defaultEditorToolsVisibility="variables" />
      </main>
      {token && <Live client={client} />}
    </>
  );
}

createRoot(document.getElementById('page')).render(<Page />);
