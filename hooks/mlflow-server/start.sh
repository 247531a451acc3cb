#!/bin/sh
# Start a gated MLflow server: refuses to start without a project and without the triggers below.
# The app itself refuses to start without aims:// in front of its stores.
set -eu
settings="${1:-$(dirname "$0")/aims-mlflow.env}"
host="${MLFLOW_HOST:-}"
set -a
. "$settings"
set +a
MLFLOW_HOST="${host:-$MLFLOW_HOST}"
aims status > /dev/null
# Through the environment: an address with its password on a command line is there for every process.
MLFLOW_BACKEND_STORE_URI="aims://$MLFLOW_DATABASE"
MLFLOW_REGISTRY_STORE_URI="aims://$MLFLOW_DATABASE"
export MLFLOW_DATABASE MLFLOW_BACKEND_STORE_URI MLFLOW_REGISTRY_STORE_URI
aims mlflow protect --check
exec mlflow server --app-name aims \
    --host "$MLFLOW_HOST" --port "$MLFLOW_PORT" --workers "$MLFLOW_WORKERS" \
    --artifacts-destination "$MLFLOW_ARTIFACTS"
