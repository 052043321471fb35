import type { Limits } from "@confab/contract";
import { type Attachment, type AttachOptions, attachTo, type HostServer } from "../http/attach.js";
import { ReplyStalls } from "../http/h1/reply-stalls.js";
import { errorJson } from "../http-reply/index.js";
import { ConfigError } from "./config-error.js";

export interface AttachmentsOptions
  extends Pick<AttachOptions, "onExchange" | "onUpgrade" | "clientAddressOf" | "work"> {
  readonly limits: Limits;
}

/** The servers of other owners that this one is attached to. */
export class Attachments {
  /** Also detached ones, which may have open connections. */
  private readonly all = new Set<Attachment>();
  private readonly stalls: ReplyStalls;
  private isClosed = false;

  constructor(private readonly options: AttachmentsOptions) {
    this.stalls = new ReplyStalls(options.limits.replyStallMs);
  }

  /**
   * Take the requests at a path and below it. The result ends that.
   *
   * @param path `/` for all, or as `/chat-server`
   * @throws ConfigError: it is not a path, or the server has something attached there; or this one was closed.
   */
  add(host: HostServer, path: string): () => void {
    if (this.isClosed) throw new ConfigError("this server was closed: it cannot be attached any more");
    if (!/^\/$|^(?:\/[\w.~-]+)+$/.test(path))
      throw new ConfigError(
        `\`path\` is ${JSON.stringify(path)}; it must be / or as /chat-server, without a slash at the end`,
      );
    const attachment = attachTo(host, {
      ...this.options,
      basePath: path === "/" ? "" : path,
      maxHeaderBytes: this.options.limits.maxHeaderBytes,
      replyStalls: this.stalls,
      refusalOf: (error) => ({ status: error.kind.http, json: `{"error":${errorJson(error)}}` }),
    });
    if (!attachment) throw new ConfigError(`a Confab server is attached at ${path} of this server already`);
    this.all.add(attachment);
    return () => {
      attachment.detach();
      void attachment.ended().then(() => this.all.delete(attachment));
    };
  }

  /** Take no more requests. */
  detach(): void {
    this.isClosed = true;
    for (const attachment of this.all) attachment.detach();
  }

  /** See `Attachment.closed`. */
  async closed(timeoutMs: number): Promise<void> {
    await Promise.all([...this.all].map((attachment) => attachment.closed(timeoutMs)));
  }
}
