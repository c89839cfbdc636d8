/**
 * Who may work on a thing when, in order of arrival: some together, some alone. `docs/spec/sftp.md` 4, "order of effects".
 *
 * @module
 */

export type Share = 'together' | 'alone';

export class Turns {
  #together = 0;
  #alone = false;
  readonly #waiting: { readonly share: Share; readonly go: () => void }[] = [];

  /** A promise when the turn is not now. Every `begin` needs an `end`. */
  begin(share: Share): Promise<void> | undefined {
    if (this.#waiting.length === 0 && this.#admits(share)) {
      this.#admit(share);
      return undefined;
    }
    return new Promise((go) => this.#waiting.push({ share, go }));
  }

  end(share: Share): void {
    if (share === 'alone') this.#alone = false;
    else this.#together--;
    for (
      let next = this.#waiting[0];
      next !== undefined && this.#admits(next.share);
      next = this.#waiting[0]
    ) {
      this.#waiting.shift();
      this.#admit(next.share);
      next.go();
    }
  }

  #admits(share: Share): boolean {
    return !this.#alone && (share === 'together' || this.#together === 0);
  }

  #admit(share: Share): void {
    if (share === 'alone') this.#alone = true;
    else this.#together++;
  }
}
