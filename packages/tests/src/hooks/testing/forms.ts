import type { Hooks } from "@confab/server";

/** The team's own code in one of the forms that the server can call. */
export interface HookForm {
  readonly name: string;
  /** Let the server call these functions in this form. */
  serve(hooks: Hooks): Promise<ServedHooks>;
}

interface ServedHooks {
  /** For the server's configuration. */
  readonly hooks: Hooks;
  close(): Promise<void>;
}

export const hookForms: readonly HookForm[] = [
  { name: "in process", serve: async (hooks) => ({ hooks, close: async () => undefined }) },
];
