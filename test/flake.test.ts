/**
 * The Nix flake. Where `nix` is installed it is evaluated, without the internet, over a stub of nixpkgs in which every
 * package is its own name: that proves syntax and wiring, not that nixpkgs has the package. Elsewhere the same facts are
 * read from its text.
 */
import { spawnSync } from "node:child_process"
import { existsSync } from "node:fs"
import { join } from "node:path"
import { describe, expect, it } from "vitest"
import { read, root } from "./support/workspace.js"

interface Flake {
  readonly inputs: ReadonlyArray<string>
  /** The packages of the default shell, by system. */
  readonly shells: Readonly<Record<string, ReadonlyArray<string>>>
}

const systems = ["aarch64-darwin", "aarch64-linux", "x86_64-darwin", "x86_64-linux"]
const needed = ["nodejs_22", "postgresql", "sqlite", "python3", "gnumake", "pkg-config"]

/** The flake over the stub. A package that is not in `needed` does not exist there: the evaluation fails. */
const expression = `
  let
    flake = import ./flake.nix;
    packages = builtins.listToAttrs (map (name: { inherit name; value = name; }) [ ${
  needed.map((_) => `"${_}"`).join(" ")
} ]);
    nixpkgs = {
      lib.genAttrs = names: f: builtins.listToAttrs (map (name: { inherit name; value = f name; }) names);
      legacyPackages = builtins.listToAttrs (map (name: { inherit name; value = packages // { mkShell = shell: shell; }; })
        [ ${systems.map((_) => `"${_}"`).join(" ")} ]);
    };
    outputs = flake.outputs { self = outputs; inherit nixpkgs; };
  in {
    inputs = builtins.attrNames flake.inputs;
    shells = builtins.mapAttrs (_: shells: shells.default.packages) outputs.devShells;
  }
`

/** `undefined` where there is no Nix. */
const evaluated = (): Flake | undefined => {
  const { error, status, stderr, stdout } = spawnSync(
    "nix-instantiate",
    ["--store", "dummy://", "--eval", "--strict", "--json", "--expr", expression],
    { cwd: root, encoding: "utf8" }
  )
  if (error !== undefined && "code" in error && error.code === "ENOENT") return undefined
  if (error !== undefined) throw error
  if (status !== 0) throw new Error(`nix-instantiate refuses flake.nix:\n${stderr}`)
  return JSON.parse(stdout) as Flake
}

/** The same facts from the text, comments apart. */
const readFrom = (source: string): Flake => {
  const text = source.replaceAll(/#.*$/gm, "")
  const list = (pattern: RegExp) => (pattern.exec(text)?.[1] ?? "").split(/\s+/).filter((_) => _ !== "")
  const packages = list(/\bpackages = \[([^\]]*)\]/).map((_) => _.replace(/^pkgs\./, ""))
  return {
    inputs: [...text.matchAll(/\binputs\.([\w-]+)\.url\b/g)].map((_) => _[1] ?? ""),
    shells: Object.fromEntries(
      list(/\bsystems = \[([^\]]*)\]/).map((system) => [system.replaceAll("\"", ""), packages])
    )
  }
}

const source = read("flake.nix")
const flake = evaluated() ?? readFrom(source)

describe("flake.nix", () => {
  it("has one input", () => {
    expect(flake.inputs).toEqual(["nixpkgs"])
  })

  it("has a shell for four systems", () => {
    expect(Object.keys(flake.shells).sort()).toEqual(systems)
  })

  it.each(systems)("brings Node 22, the databases and what compiles native modules on %s", (system) => {
    expect([...flake.shells[system] ?? []].sort()).toEqual([...needed].sort())
  })

  it("reads the same as it evaluates", () => {
    expect(readFrom(source)).toEqual(flake)
  })

  it("is read as broken when something is missing", () => {
    expect(readFrom(source.replace("pkgs.sqlite\n", "\n"))).not.toEqual(flake)
    expect(readFrom(source.replace("\"x86_64-linux\" ", ""))).not.toEqual(flake)
    expect(readFrom(`${source}\ninputs.other.url = "x";`)).not.toEqual(flake)
  })

  it("has no lock file, because nobody can have written one by hand", () => {
    expect(existsSync(join(root, "flake.lock"))).toBe(false)
  })
})
