// A page that calls Connect with fetch and reads events with EventSource, as the browser brings them.

globalThis.callConnect = async (url, method, request) => {
  const response = await fetch(`${url}/confab.v1.ChatService/${method}`, {
    method: "POST",
    headers: { "content-type": "application/json", "connect-protocol-version": "1" },
    body: JSON.stringify(request),
  });
  return { status: response.status, json: await response.json() };
};

const texts = [];
let wake = () => undefined;

globalThis.openEvents = (url) => {
  new EventSource(url).onmessage = ({ data }) => {
    texts.push(JSON.parse(data).text);
    wake();
  };
};

globalThis.nextTexts = async (count) => {
  while (texts.length < count) {
    await new Promise((resolve) => {
      wake = resolve;
    });
  }
  return texts.splice(0, count);
};
