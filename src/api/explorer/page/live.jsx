// The strip of live events: what happens to messages while the editors do something else. It resumes by cursor
// when the socket was away, so nothing is missing from it and nothing comes twice.
import { useEffect, useState } from 'react';

import received from './examples/received.graphql';
import watch from './examples/status.graphql';

const KEPT = 50;

// Follows one subscription field until it is stopped; every restart goes on behind the last cursor.
function follow(client, query, field, show) {
  let cursor;
  const events = client.iterate({
    query,
    get variables() {
      return { after: cursor };
    },
  });
  (async () => {
    for await (const { data } of events) {
      if (!data) continue;
      cursor = data[field].cursor;
      show(data[field].node);
    }
  })().catch(() => {});
  return () => events.return();
}

export function Live({ client }) {
  const [lines, setLines] = useState([]);
  useEffect(() => {
    const add = (mark) => (node) =>
      setLines((before) => [{ ...node, mark, at: new Date().toLocaleTimeString() }, ...before].slice(0, KEPT));
    const stops = [
      follow(client, watch, 'messageStatusChanged', add('→')),
      follow(client, received, 'messageReceived', add('←')),
    ];
    return () => stops.forEach((stop) => stop());
  }, [client]);
  return (
    <section className="live" aria-label="Live events">
      <h2>Live</h2>
      <ol>
        {lines.length === 0 && <li>Send a message: what happens to it shows here.</li>}
        {lines.map(({ mark, at, id, from, to, body, status }) => (
          <li key={`${id} ${status}`}>
            <time>{at}</time> {mark} {mark === '→' ? to : from} <b>{status}</b> {body}
          </li>
        ))}
      </ol>
    </section>
  );
}
