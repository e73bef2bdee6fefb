/** Work on the same id waits for its predecessor, however that ended; work on different ids does not. */
export class OneAtATime {
  readonly #last = new Map<string, Promise<unknown>>();

  run<T>(id: string, work: () => Promise<T>): Promise<T> {
    const before = this.#last.get(id) ?? Promise.resolve();
    const running = before.then(work, work);
    const settled = running.then(
      () => {},
      () => {},
    );
    this.#last.set(id, settled);
    settled.then(() => {
      if (this.#last.get(id) === settled) this.#last.delete(id);
    });
    return running;
  }
}
