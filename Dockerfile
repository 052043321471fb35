# One image for every node: `docker build -t confab .`
FROM node:20-bookworm-slim AS build
WORKDIR /app
COPY . .
RUN npm ci --no-audit --no-fund && npm run build && npm prune --omit=dev

FROM node:20-bookworm-slim
ENV NODE_ENV=production
WORKDIR /app
COPY --from=build /app/package.json ./
COPY --from=build /app/node_modules ./node_modules
COPY --from=build /app/packages ./packages
RUN mkdir /data && chown node /data
USER node
EXPOSE 8080
VOLUME /data
# Node itself as process 1: it gets SIGTERM and drains.
ENTRYPOINT ["node", "packages/cli/dist/main.js"]
# Refused as it stands: add `--auth-key FILE`, `--auth-jwks URL` or `--allow-anyone` (docs/access.md).
# Reached as localhost or by an address. A name, such as the container's in its network, needs `--allow-host NAME` as well.
CMD ["serve", "--host", "0.0.0.0", "--data", "/data"]
