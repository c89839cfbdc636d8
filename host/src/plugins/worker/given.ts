/**
 * Objects that the host gave out and takes back only as those very objects: identities, and what a handshake
 * established (`docs/spec/endpoint.md` 9). The thread has copies that remember a number; the host keeps the object for as
 * long as the thread has a copy.
 *
 * @module
 */

/** What crosses. */
export interface Given<Value> {
  readonly ref: number;
  readonly value: Value;
}

/** The host's side. */
export class GivenOut<Value extends object> {
  readonly #refs = new WeakMap<Value, number>();
  readonly #objects = new Map<number, { readonly object: Value; times: number }>();
  #made = 0;

  give(object: Value): Given<Value> {
    let ref = this.#refs.get(object);
    if (ref === undefined) {
      ref = ++this.#made;
      this.#refs.set(object, ref);
    }
    const entry = this.#objects.get(ref);
    if (entry === undefined) this.#objects.set(ref, { object, times: 1 });
    else entry.times++;
    return { ref, value: object };
  }

  object(ref: number): Value | undefined {
    return this.#objects.get(ref)?.object;
  }

  /** The thread has lost a copy that it was sent so many times; one that is under way keeps it. */
  release(ref: number, times: number): void {
    const entry = this.#objects.get(ref);
    if (entry === undefined) return;
    entry.times -= times;
    if (entry.times <= 0) this.#objects.delete(ref);
  }
}

interface Copy<Value extends object> {
  readonly held: WeakRef<Value>;
  times: number;
}

/** The thread's side. */
export class GivenCopies<Value extends object> {
  readonly #refs = new WeakMap<Value, number>();
  readonly #copies = new Map<number, Copy<Value>>();
  readonly #lost: FinalizationRegistry<{ ref: number; copy: Copy<Value> }>;

  constructor(release: (ref: number, times: number) => void) {
    this.#lost = new FinalizationRegistry(({ ref, copy }) => {
      if (this.#copies.get(ref) === copy) this.#copies.delete(ref);
      release(ref, copy.times);
    });
  }

  /** The same object for the same number, as long as anyone has it. */
  take({ ref, value }: Given<Value>, make: (value: Value) => Value): Value {
    const known = this.#copies.get(ref);
    const alive = known?.held.deref();
    if (known !== undefined && alive !== undefined) {
      known.times++;
      return alive;
    }
    const object = make(value);
    const copy: Copy<Value> = { held: new WeakRef(object), times: 1 };
    this.#refs.set(object, ref);
    this.#copies.set(ref, copy);
    this.#lost.register(object, { ref, copy });
    return object;
  }

  ref(object: Value): number | undefined {
    return this.#refs.get(object);
  }
}
