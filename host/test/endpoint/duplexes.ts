import { Duplex } from 'node:stream';

/** Two Duplexes; what is written to one is read from the other, with half-close. */
export function duplexes(): [Duplex, Duplex] {
  const make = (other: () => Duplex): Duplex => {
    const duplex = new Duplex({
      read() {},
      write(chunk, _encoding, done) {
        queueMicrotask(() => {
          other().push(chunk);
          done();
        });
      },
      final(done) {
        queueMicrotask(() => {
          other().push(null);
          done();
        });
      },
      destroy(error, done) {
        queueMicrotask(() => {
          if (!other().destroyed) other().destroy();
        });
        done(error);
      },
    });
    duplex.on('error', () => {});
    return duplex;
  };
  const near: Duplex = make(() => far);
  const far: Duplex = make(() => near);
  return [near, far];
}
