import { spawn } from "node:child_process";
import { programPath, root } from "./files.mjs";

/**
 * What a step of the check found.
 *
 * @typedef {object} StepResult
 * @property {boolean} isGood
 * @property {string} text the findings when it is not good, else "" or a remark of one line
 */

/**
 * One step of the check. A rejected promise counts as a finding, too.
 *
 * @typedef {object} Step
 * @property {string} name
 * @property {() => Promise<StepResult>} run
 */

/** How long one program may run, in milliseconds. The slowest takes seconds. */
const programTimeoutMs = 300_000;

/**
 * Runs a program from the root of the repository; its exit code is the result and its output the text.
 *
 * @param {string} program one of `node_modules/.bin`, or of the machine
 * @param {readonly string[]} args
 * @returns {Promise<StepResult>}
 */
export function runProgram(program, args) {
  return new Promise((resolve, reject) => {
    const child = spawn(programPath(program), args, {
      cwd: root,
      stdio: ["ignore", "pipe", "pipe"],
      // Not the option `timeout`: its timer lives on when the program cannot start, and holds this process open.
      signal: AbortSignal.timeout(programTimeoutMs),
    });
    /** @type {Buffer[]} */
    const output = [];
    child.stdout.on("data", (chunk) => output.push(chunk));
    child.stderr.on("data", (chunk) => output.push(chunk));
    child.on("error", reject);
    child.on("close", (code, signal) => {
      const text = Buffer.concat(output).toString().trimEnd();
      if (code === 0) resolve({ isGood: true, text: "" });
      else resolve({ isGood: false, text: `${text}\n${program} ended with ${signal ?? `code ${code}`}`.trim() });
    });
  });
}

/**
 * As `runProgram`, for a program that must succeed for the step to have a meaning.
 *
 * @param {string} program
 * @param {readonly string[]} args
 * @returns {Promise<void>}
 */
export async function mustRun(program, args) {
  const result = await runProgram(program, args);
  if (!result.isGood) throw new Error(result.text);
}
