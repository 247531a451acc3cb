"""Airflow DAG: look every 15 minutes for monitoring that is due.

What is due stands in aims.yaml, so the DAG needs no catch-up of its own: `aims monitor run` does
that, and it does nothing twice. Exit code 1 says that something is wrong and was told; only 2 is a
failure of the run itself.
"""

from __future__ import annotations

from datetime import datetime, timedelta

from airflow.providers.standard.operators.bash import BashOperator
from airflow.sdk import DAG

with DAG(
    dag_id="aims_monitor",
    schedule="*/15 * * * *",
    start_date=datetime(2026, 1, 1),
    catchup=False,
    max_active_runs=1,
    default_args={"retries": 2, "retry_delay": timedelta(minutes=5)},
    tags=["governance"],
) as dag:
    BashOperator(
        task_id="run",
        # AIMS_STORE_URL and the addresses of notices come from the worker's environment.
        bash_command="aims monitor run || test $? -eq 1",
        cwd="/srv/aims",
        append_env=True,
    )
