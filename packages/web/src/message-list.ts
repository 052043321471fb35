import { type ChatMessage, payloadJson } from "@confab/client";

/** How many messages stay in the page. Older ones are in the room's log. */
const maxShown = 500;

/** Within this of the end, the visitor reads the newest message. */
const followingPixels = 40;

/** The messages on the page. It follows the newest one unless the visitor has scrolled up to read. */
export class MessageList {
  private isFollowing = true;

  constructor(
    private readonly list: HTMLElement,
    private readonly scroller: HTMLElement,
    private readonly empty: HTMLElement,
  ) {
    scroller.addEventListener("scroll", () => {
      this.isFollowing = scroller.scrollHeight - scroller.scrollTop - scroller.clientHeight < followingPixels;
    });
    // A phone's keyboard and an error line take room away from below.
    new ResizeObserver(() => this.follow()).observe(scroller);
  }

  clear(): void {
    this.list.replaceChildren();
    this.isFollowing = true;
    this.empty.hidden = true;
  }

  /** The room is known to have nothing to show, unless something came already. */
  settled(): void {
    this.empty.hidden = this.list.childElementCount > 0;
  }

  add(message: ChatMessage, me: string): void {
    const { list } = this;
    this.empty.hidden = true;
    list.append(messageItem(message, me));
    while (list.childElementCount > maxShown) list.firstElementChild?.remove();
    this.follow();
  }

  private follow(): void {
    if (this.isFollowing) this.scroller.scrollTop = this.scroller.scrollHeight;
  }
}

function messageItem({ user, text, sentAt, position, payload }: ChatMessage, me: string): HTMLLIElement {
  const item = document.createElement("li");
  if (user === me) item.dataset["mine"] = "";
  const name = document.createElement("b");
  name.textContent = user;
  name.title = user;
  const place = document.createElement("span");
  place.className = "place";
  // The offset is what people compare; the whole position is what a resume takes.
  place.textContent = `${sentAt.toLocaleTimeString()} #${position.slice(position.indexOf(":") + 1)}`;
  place.title = `${sentAt.toISOString()}, position ${position}`;
  const body = document.createElement("span");
  body.className = "text";
  body.textContent = payload ? `${text} ${JSON.stringify(payloadJson(payload))}`.trim() : text;
  item.append(name, body, place);
  return item;
}
