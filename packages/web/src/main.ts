import { ConfabError } from "@confab/client";
import { MessageList } from "./message-list.js";
import { type ConnectionState, RoomSession } from "./room-session.js";
import { initialSettings, rememberSettings, type Settings, transportNamed } from "./settings.js";

const settingsForm = element("settings", HTMLFormElement);
const composer = element("composer", HTMLFormElement);
const failure = element("failure", HTMLElement);
const stateText = element("state", HTMLElement);
const messages = new MessageList(
  element("messages", HTMLElement),
  element("messages", HTMLElement).parentElement ?? document.body,
  element("empty", HTMLElement),
);

let settings = initialSettings(location.search, localStorage);
fillForm(settings);
let session = begin(settings);

settingsForm.addEventListener("change", () => {
  if (!settingsForm.reportValidity()) return;
  settings = readForm(settings);
  session.close();
  session = begin(settings);
});
// Enter in a field changes the settings; nothing is submitted anywhere.
settingsForm.addEventListener("submit", (event) => event.preventDefault());

composer.addEventListener("submit", (event) => {
  event.preventDefault();
  const input = field(composer, "text");
  const text = input.value;
  input.value = "";
  failure.hidden = true;
  session.send(text).catch((error: unknown) => {
    failure.textContent = `Not sent: ${error instanceof ConfabError ? `${error.message} (${error.code})` : String(error)}`;
    failure.hidden = false;
    // What was typed is not lost, unless the next message is being typed already.
    if (input.value === "") input.value = text;
  });
});

function begin(chosen: Settings): RoomSession {
  messages.clear();
  failure.hidden = true;
  rememberSettings(chosen, localStorage);
  document.title = `${chosen.room} · Confab`;
  return new RoomSession(chosen, {
    stateChanged: showState,
    restarted: () => messages.clear(),
    messageCame: (message) => messages.add(message, chosen.user),
  });
}

function showState(state: ConnectionState): void {
  stateText.dataset["state"] = state.kind === "ended" ? "lost" : state.kind;
  if (state.kind === "lost")
    stateText.textContent = `${state.reason}; trying again in ${(state.retryMs / 1_000).toFixed(1)} s`;
  else stateText.textContent = state.kind === "ended" ? state.reason : state.kind;
  if (state.kind === "live") messages.settled();
}

function fillForm({ transport, room, user }: Settings): void {
  for (const [name, value] of Object.entries({ transport, room, user })) field(settingsForm, name).value = value;
}

function readForm(before: Settings): Settings {
  return {
    transport: transportNamed(field(settingsForm, "transport").value) ?? before.transport,
    room: field(settingsForm, "room").value,
    user: field(settingsForm, "user").value,
  };
}

/** An element of the page's own HTML. @throws Error: the page and this program are not of one build. */
function element<T extends HTMLElement>(id: string, type: new () => T): T {
  const found = document.getElementById(id);
  if (found instanceof type) return found;
  throw new Error(`the page has no #${id}`);
}

function field(form: HTMLFormElement, name: string): HTMLInputElement | HTMLSelectElement {
  const found = form.elements.namedItem(name);
  if (found instanceof HTMLInputElement || found instanceof HTMLSelectElement) return found;
  throw new Error(`the form has no field ${name}`);
}
