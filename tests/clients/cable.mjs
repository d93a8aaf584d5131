// A TCP cable to the server that a test can cut, as a network does: whatever runs over it ends without a goodbye, and
// nobody gets through until it is mended.
import { once } from 'node:events';
import net from 'node:net';

import { base } from './server.mjs';

// Lays a cable that is taken away when the test ends.
export async function lay(test) {
  const { hostname, port } = new URL(base);
  const open = new Set();
  let isCut = false;
  const ends = net.createServer((near) => {
    if (isCut) return near.destroy();
    const far = net.connect(Number(port), hostname);
    for (const [end, other] of [[near, far], [far, near]]) {
      open.add(end);
      end.on('error', () => {});
      end.on('close', () => {
        open.delete(end);
        other.destroy();
      });
      end.pipe(other);
    }
  });
  ends.listen(0, '127.0.0.1');
  await once(ends, 'listening');
  let mended = Promise.resolve();
  let mend = () => {};
  const cut = () => {
    isCut = true;
    mended = new Promise((resolve) => (mend = resolve));
    for (const end of open) end.destroy();
  };
  test.after(() => {
    cut();
    ends.close();
  });
  return {
    url: `http://127.0.0.1:${ends.address().port}/graphql`,
    cut,
    mend: () => {
      isCut = false;
      mend();
    },
    // Resolves when the cable is whole: clients wait for it before they connect again.
    whole: () => mended,
  };
}
