// What a program with Node's openai SDK asks of the gateway: one JSON object of what came of it.
const OpenAI = require("openai");

const at = (key, more) => new OpenAI({ apiKey: key, baseURL: process.env.GATEWAY, maxRetries: 0, ...more });
const client = at(process.env.KEY);
const model = "fast";
const messages = [{ role: "user", content: "Say hello." }];
const weather = {
  type: "function",
  function: {
    name: "get_weather",
    description: "How the weather is.",
    parameters: { type: "object", properties: { city: { type: "string" } }, required: ["city"] },
  },
};

async function failed(work) {
  try {
    await work();
  } catch (error) {
    return { name: error.constructor.name, status: error.status, code: error.code, id: Boolean(error.requestID) };
  }
  return null;
}

async function chat() {
  const answer = await client.chat.completions.create({ model, messages });
  return { text: answer.choices[0].message.content, tokens: answer.usage.total_tokens, id: Boolean(answer._request_id) };
}

async function stream() {
  const opened = await client.chat.completions.create({
    model, messages, stream: true, stream_options: { include_usage: true },
  });
  let text = "", tokens = 0;
  for await (const chunk of opened) {
    text += chunk.choices[0]?.delta?.content ?? "";
    tokens = chunk.usage?.total_tokens ?? tokens;
  }
  return { text, tokens };
}

async function tools() {
  const question = { role: "user", content: "How is the weather in Oslo?" };
  const asked = { model, tools: [weather], tool_choice: "required" };
  const helper = client.chat.completions.stream({ ...asked, messages: [question] });
  const said = (await helper.finalChatCompletion()).choices[0].message;
  const call = said.tool_calls[0];
  const result = { role: "tool", tool_call_id: call.id, content: "Sunny." };
  const last = await client.chat.completions.create({ model, tools: [weather], messages: [question, said, result] });
  return { name: call.function.name, city: typeof JSON.parse(call.function.arguments).city, text: last.choices[0].message.content };
}

async function embeddings() {
  // The SDK asks for base64 and reads it.
  const made = await client.embeddings.create({ model: "openai/text-embedding-3-small", input: ["a", "b"] });
  return { many: made.data.length, numbers: made.data.every((one) => one.embedding.every(Number.isFinite)), long: made.data[0].embedding.length };
}

async function responses() {
  const answer = await client.responses.create({ model, input: "Say hello." });
  let text = "";
  for await (const event of await client.responses.create({ model, input: "Say hello.", stream: true })) {
    if (event.type === "response.output_text.delta") text += event.delta;
  }
  return { text: answer.output_text, same: text === answer.output_text };
}

async function files() {
  const file = await client.files.create({ file: await OpenAI.toFile(Buffer.from("a"), "a.txt"), purpose: "user_data" });
  const content = await (await client.files.content(file.id)).text();
  const gone = await client.files.delete(file.id);
  return { content, gone: gone.deleted };
}

async function errors() {
  return {
    key: await failed(() => at("sk-" + "nobodys").chat.completions.create({ model, messages })),
    model: await failed(() => client.chat.completions.create({ model: "no-such-model", messages })),
    field: await failed(() => client.chat.completions.create({ model, messages: "text" })),
    path: await failed(() => client.get("/nowhere")),
    before: await failed(() => client.chat.completions.create({ model: "no-such-model", messages, stream: true })),
  };
}

async function abort() {
  const opened = await client.chat.completions.create({ model, messages, stream: true });
  let chunks = 0;
  for await (const chunk of opened) {
    chunks += 1;
    if (chunks === 2) opened.controller.abort();
  }
  return { chunks };
}

async function models() {
  const found = [];
  for await (const one of await client.models.list()) found.push(one.id);
  return found.includes("fast");
}

const works = { chat, stream, tools, embeddings, responses, files, errors, models, abort };

async function main() {
  const found = {};
  for (const name of process.argv.slice(2)) found[name] = await works[name]();
  console.log(JSON.stringify(found));
}

main();
