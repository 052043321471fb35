/** Handlers of typed events, in the order in which they were added. */
export class Emitter<Events extends object> {
  private readonly handlers = new Map<keyof Events, Set<(event: never) => void>>();

  /** Call `handler` for each event of this name from now on. The result takes it back. */
  on<Name extends keyof Events>(name: Name, handler: (event: Events[Name]) => void): () => void {
    // A function of its own for each call, so that a handler added twice is called twice.
    const mine = (event: Events[Name]) => handler(event);
    const handlers = this.handlers.get(name) ?? new Set();
    this.handlers.set(name, handlers.add(mine));
    return () => handlers.delete(mine);
  }

  /**
   * Tell the handlers, before this returns. One that throws does not keep the others from hearing it; its error is
   * reported as the platform reports those of event listeners: uncaught.
   */
  emit<Name extends keyof Events>(name: Name, event: Events[Name]): void {
    for (const handler of [...(this.handlers.get(name) ?? [])]) {
      try {
        handler(event as never);
      } catch (error) {
        queueMicrotask(() => {
          throw error;
        });
      }
    }
  }
}
