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
aims mlflow protect --check "$MLFLOW_DATABASE"
exec mlflow server --app-name aims \
    --host "$MLFLOW_HOST" --port "$MLFLOW_PORT" --workers "$MLFLOW_WORKERS" \
    --backend-store-uri "aims://$MLFLOW_DATABASE" --registry-store-uri "aims://$MLFLOW_DATABASE" \
    --artifacts-destination "$MLFLOW_ARTIFACTS"
