"""What a deployed model saw and did: captured beside the prediction, written as Parquet by day."""
