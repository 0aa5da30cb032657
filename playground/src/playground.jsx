// GraphiQL on our own assets. The sign-in cookie goes with every request; nothing is loaded from elsewhere.
import { createGraphiQLFetcher } from "@graphiql/toolkit";
import { GraphiQL } from "graphiql";
import "graphiql/style.css";
import { createClient } from "graphql-ws";
import { createRoot } from "react-dom/client";
import { examples } from "./examples.js";
import "./playground.css";

const workers = { json: "json", graphql: "graphql" };
globalThis.MonacoEnvironment = {
  getWorker: (_id, label) => new Worker(`/playground/${workers[label] ?? "editor"}.worker.js`),
};

const socket = new URL("/graphql/ws", location.href);
socket.protocol = socket.protocol.replace("http", "ws");
const fetcher = createGraphiQLFetcher({
  url: "/graphql",
  wsClient: createClient({ url: socket.href, lazy: true }),
  fetch: async (url, options) => {
    const answer = await fetch(url, options);
    if (answer.status === 401) {
      location.assign(`/sign-in?next=${encodeURIComponent("/graphql")}`);
    }
    return answer;
  },
});

createRoot(document.getElementById("playground")).render(
  <GraphiQL fetcher={fetcher} defaultTabs={examples} shouldPersistHeaders={false} />,
);
