# A shell with everything the workspace is built and tested with: `nix develop`, then `npm ci && npm test`.
{
  description = "Database engines and sessions for Effect";

  inputs.nixpkgs.url = "github:NixOS/nixpkgs/nixos-unstable";

  outputs = { self, nixpkgs }:
    let
      systems = [ "x86_64-linux" "aarch64-linux" "x86_64-darwin" "aarch64-darwin" ];
      forEachSystem = shell: nixpkgs.lib.genAttrs systems (system: shell nixpkgs.legacyPackages.${system});
    in
    {
      devShells = forEachSystem (pkgs: {
        default = pkgs.mkShell {
          packages = [
            pkgs.nodejs_22
            pkgs.postgresql
            pkgs.sqlite
            # better-sqlite3 is compiled where no prebuilt binary fits: node-gyp wants Python, make and a C++ compiler,
            # and mkShell's own stdenv brings the compiler of the platform.
            pkgs.python3
            pkgs.gnumake
            pkgs.pkg-config
          ];

          # node-gyp would download the headers of Node; the package has them.
          npm_config_nodedir = pkgs.nodejs_22;
        };
      });
    };
}
