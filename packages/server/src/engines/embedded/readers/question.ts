interface Waiting {
  readonly answered: Promise<void>;
  readonly resolve: () => void;
  readonly reject: (error: Error) => void;
}

/**
 * Whether the owner has said all that was durable at a time. One question is under way; those who ask meanwhile share the next
 * one, since they ask of a later time.
 */
export class Question {
  private number = 0;
  private underWay: Waiting | undefined;
  private next: Waiting | undefined;

  constructor(private readonly send: (number: number) => void) {}

  ask(): Promise<void> {
    this.next ??= waiting();
    const { answered } = this.next;
    if (!this.underWay) this.sendNext();
    return answered;
  }

  /** @throws Error: this question was not asked. */
  reached(number: number): void {
    if (!this.underWay || number !== this.number) throw new Error("the server answers what was not asked");
    this.underWay.resolve();
    this.underWay = undefined;
    if (this.next) this.sendNext();
  }

  fail(error: Error): void {
    this.underWay?.reject(error);
    this.next?.reject(error);
    this.underWay = undefined;
    this.next = undefined;
  }

  private sendNext(): void {
    this.underWay = this.next;
    this.next = undefined;
    this.number = (this.number + 1) >>> 0;
    this.send(this.number);
  }
}

function waiting(): Waiting {
  let [resolve, reject]: [() => void, (error: Error) => void] = [() => undefined, () => undefined];
  const answered = new Promise<void>((...settle) => {
    [resolve, reject] = settle;
  });
  return { answered, resolve, reject };
}
