// What a tier says: a line a check, and at the end how many held.

export default async function* reporter(events) {
  let [passed, failed] = [0, 0];
  for await (const { type, data } of events) {
    const isFile = data?.name?.endsWith(".test.mjs");
    if (type === "test:pass" && !isFile) {
      passed += 1;
      yield `ok ${data.name}\n`;
    } else if (type === "test:fail") {
      const { error } = data.details;
      // A file fails with each of its checks, and by itself where it can't even begin.
      if (isFile && error.failureType === "subtestsFailed") continue;
      if (isFile && error.failureType === "testCodeFailure" && failed > 0) continue;
      failed += 1;
      const said = String(error.cause?.stack ?? error.cause ?? error).split("\n").slice(0, 30);
      yield `FAILED ${data.name}\n${said.map((line) => `    ${line.slice(0, 400)}\n`).join("")}`;
    } else if (type === "test:diagnostic" && /^note: /.test(data.message)) {
      yield `   ${data.message}\n`;
    } else if (type === "test:stderr") {
      yield data.message;
    }
  }
  yield `${passed} passed, ${failed} failed\n`;
}
