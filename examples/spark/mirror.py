#!/usr/bin/env python3
"""Mirrors elements into a bucket with Spark: each partition of the IDs goes through one run of element-mirror, and each
line of its report comes back as a row.

    spark-submit --files element-mirror,token mirror.py ids.csv s3://bucket/elements outcomes.parquet
"""

import argparse
import json
import os
import shutil
import subprocess
import tempfile

from pyspark import SparkFiles
from pyspark.sql import SparkSession
from pyspark.sql.types import ArrayType, BooleanType, DoubleType, LongType, StringType, StructField, StructType


def program():
    """Where the program is: sent along with --files, or installed."""
    path = os.pathsep.join([SparkFiles.getRootDirectory(), os.environ.get("PATH", os.defpath)])
    found = shutil.which("element-mirror", path=path)
    if found is None:
        raise FileNotFoundError("element-mirror is neither among the files of the job nor on the PATH")
    return found


def spark_type(schema, definitions):
    """The type of a column that holds what a JSON Schema describes."""
    if "$ref" in schema:
        return spark_type(definitions[schema["$ref"].rpartition("/")[2]], definitions)
    if "anyOf" in schema:
        # One type, and perhaps null: a column may be null in any case.
        return spark_type(next(one for one in schema["anyOf"] if one.get("type") != "null"), definitions)
    if "properties" in schema:
        fields = schema["properties"].items()
        return StructType([StructField(name, spark_type(field, definitions)) for name, field in fields])
    if "items" in schema:
        return ArrayType(spark_type(schema["items"], definitions))
    return {"integer": LongType, "number": DoubleType, "boolean": BooleanType}.get(schema.get("type"), StringType)()


def report_type():
    """The type of a report's line, as the program tells it."""
    said = subprocess.run([program(), "schema", "report"], check=True, capture_output=True, encoding="utf-8").stdout
    schema = json.loads(said)
    return spark_type(schema, schema.get("$defs", {}))


def run(rows, destination):
    """The lines of the report of one run, over the IDs of one partition."""
    with tempfile.TemporaryFile("w+", encoding="utf-8") as ids, tempfile.TemporaryFile() as words:
        ids.writelines(json.dumps(row.asDict()) + "\n" for row in rows)
        if ids.tell() == 0:
            return
        ids.seek(0)
        # With --partial-ok an element that fails is a row. Any other end than 0 says that the run itself failed.
        command = [program(), "run", "-", "--report", "-", "--partial-ok", "-q", "-o", destination]
        # What a run that is killed leaves behind goes with the executor.
        command += ["--staging", os.environ["SPARK_LOCAL_DIRS"].split(",")[0]]
        with subprocess.Popen(command, stdin=ids, stdout=subprocess.PIPE, stderr=words, encoding="utf-8") as running:
            yield from running.stdout
        if running.returncode != 0:
            # The task has failed, and Spark drops its rows and tries it again.
            words.seek(0)
            said = words.read().decode(errors="replace")
            raise RuntimeError(f"element-mirror ended with {running.returncode}: {said}")


def mirror(ids, destination, runs):
    """The outcomes of a DataFrame of IDs (`id`, perhaps `email`), which is split into so many runs.

    Whoever asks for them twice has the runs done twice: write them down first.
    """
    ids = ids.select([name for name in ["id", "email"] if name in ids.columns])
    # Split by ID: one that is named twice is done once, and a partition that is done again has the same IDs again.
    ids = ids.where("id is not null").repartition(runs, "id")
    lines = ids.rdd.mapPartitions(lambda rows: run(rows, destination))
    return ids.sparkSession.read.json(lines, schema=report_type(), mode="FAILFAST")


def main():
    args = argparse.ArgumentParser(description="Mirrors elements into a bucket.")
    args.add_argument("ids", help="a CSV file with a column id, and perhaps email")
    args.add_argument("destination", help="where the mirror is: s3://bucket/prefix")
    args.add_argument("outcomes", help="where the outcomes go, as Parquet")
    args.add_argument("--runs", type=int, default=64, help="how many runs the IDs are split into (%(default)s)")
    args = args.parse_args()
    with SparkSession.builder.appName("element-mirror").getOrCreate() as spark:
        ids = spark.read.csv(args.ids, header=True)
        mirror(ids, args.destination, args.runs).write.mode("overwrite").parquet(args.outcomes)
        spark.read.parquet(args.outcomes).groupBy("status").count().orderBy("status").show()


if __name__ == "__main__":
    main()
